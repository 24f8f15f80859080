import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const script = (name: string): string => new URL(`../../scripts/release/${name}.mjs`, import.meta.url).href;
const root = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

const { cut, notesOf } = (await import(script('changelog'))) as {
  readonly cut: (text: string, version: string, date: string) => string;
  readonly notesOf: (text: string, version: string) => string;
};
const { isAllowed, licenseProblems } = (await import(script('licenses'))) as {
  readonly isAllowed: (expression?: string) => boolean;
  readonly licenseProblems: (lock: object) => readonly string[];
};

describe('the changelog of a release', () => {
  const head = '# Changelog\n\nAll changes.\n\n';
  const before = `${head}## [Unreleased]\n\n### Added\n\n- b\n\n## [0.1.0] - 2026-11-01\n\n- a\n`;
  const after = `${head}## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- b\n\n## [0.1.0] - 2026-11-01\n\n- a\n`;

  it('has what was unreleased under the version', () => {
    assert.equal(cut(before, '0.2.0', '2026-12-01'), after);
    assert.equal(notesOf(after, '0.2.0'), '### Added\n\n- b');
    assert.equal(notesOf(after, '0.1.0'), '- a');
  });

  it('is the same when it is cut again, and gets what is unreleased by then', () => {
    assert.equal(cut(after, '0.2.0', '2026-12-01'), after);
    const more = after.replace('## [Unreleased]\n', '## [Unreleased]\n\n- c\n');
    assert.equal(notesOf(cut(more, '0.2.0', '2026-12-02'), '0.2.0'), '- c\n\n### Added\n\n- b');
  });

  it('is refused where there is nothing to say, and notes where there are none', () => {
    assert.throws(() => cut(after, '0.3.0', '2026-12-01'), /Nothing is unreleased/);
    assert.throws(() => cut('# Changelog\n', '0.3.0', '2026-12-01'), /has no "## \[Unreleased\]"/);
    assert.throws(() => notesOf(after, '0.3.0'), /says nothing of 0\.3\.0/);
    assert.throws(() => notesOf(after, '0.2'), /says nothing of 0\.2/);
  });

  it('is cut from the one that is here', () => {
    const text = root('CHANGELOG.md');
    const notes = notesOf(cut(text, '9.9.9', '2099-01-01'), '9.9.9');
    assert.equal(notes, text.slice(text.indexOf('## [Unreleased]') + 15).trim());
  });
});

describe('licenses', () => {
  const lock = (more: object): object => ({
    packages: {
      '': { license: 'Apache-2.0' },
      'packages/client': { license: 'Apache-2.0' },
      'node_modules/@headgate/client': { link: true },
      'node_modules/caniuse-lite': { version: '1.0.0', license: 'CC-BY-4.0' },
      'node_modules/fs-monkey': { version: '1.0.0', license: 'Unlicense' },
      'node_modules/unionfs': { version: '1.0.0' },
      ...more,
    },
  });

  it('are allowed by name; of alternatives one is enough, of parts all are needed', () => {
    for (const one of ['MIT', '(MIT OR GPL-3.0)', 'GPL-3.0 OR ISC', 'Apache-2.0 AND MIT', '(MIT AND ISC)'])
      assert.ok(isAllowed(one), one);
    for (const one of [
      'GPL-3.0',
      'MIT AND GPL-3.0',
      'GPL-3.0 AND (ISC OR MIT)',
      'SEE LICENSE IN x',
      '',
      undefined,
    ])
      assert.ok(!isAllowed(one), one);
  });

  it('are looked at in what is shipped alone', () => {
    assert.deepEqual(licenseProblems(lock({})), []);
    const dev = { 'node_modules/a': { version: '1.0.0', license: 'GPL-3.0', dev: true } };
    assert.deepEqual(licenseProblems(lock(dev)), []);
    const shipped = {
      'node_modules/b/node_modules/@c/d': { version: '1.0.0', license: 'GPL-3.0' },
      'node_modules/e': { version: '2.0.0' },
      'node_modules/caniuse-lite': { version: '2.0.0', license: 'Unlicense' },
    };
    assert.deepEqual(licenseProblems(lock(shipped)), [
      'caniuse-lite@2.0.0 has the license Unlicense.',
      '@c/d@1.0.0 has the license GPL-3.0.',
      'e@2.0.0 has the license of no name.',
    ]);
  });

  it('have no exception that nothing needs', () => {
    assert.deepEqual(licenseProblems({ packages: {} }).length, 3);
  });
});

describe('the versions that a release sets', () => {
  const config = JSON.parse(root('release-please-config.json')) as {
    readonly packages: Record<
      string,
      { readonly 'extra-files': readonly { readonly path: string; readonly jsonpath: string }[] }
    >;
  };

  it('are all that name the version of today', () => {
    const version = (JSON.parse(root('.release-please-manifest.json')) as Record<string, string>)['.'];
    const files = config.packages['.']!['extra-files'].map(({ path, jsonpath }) => {
      const keys = [...jsonpath.matchAll(/\.(\w+)|\['([^']*)'\]/g)].map(
        ([, name, quoted]) => name ?? quoted!,
      );
      const at = keys.reduce(
        (value, key) => (value as Record<string, unknown>)[key],
        JSON.parse(root(path)) as unknown,
      );
      return [path, jsonpath, at];
    });
    for (const [path, jsonpath, at] of files) assert.equal(at, version, `${path} ${jsonpath}`);
    assert.equal((JSON.parse(root('package.json')) as { version: string }).version, version);
  });
});

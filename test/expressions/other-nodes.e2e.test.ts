import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MOCHA = join(ROOT, 'node_modules', 'mocha', 'lib', 'cli', 'cli.js');
const FILES = readdirSync(new URL('.', import.meta.url))
  .filter((name) => /^[a-z-]+\.test\.ts$/.test(name))
  .map((name) => join('test', 'expressions', name));

/** West of UTC, east of it by half an hour more, and none; two have had summer time. */
const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata'];

/** The lines that are supported. */
const LINES = ['20', '22', '24'];

/** Binaries by their lines. */
const NODES = new Map(
  (process.env.HEADGATE_TEST_NODES ?? '')
    .split(delimiter)
    .filter((path) => path !== '')
    .map((path) => [/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1], path]),
);

/** What mocha's own reporter `json` writes, in part. */
interface Report {
  readonly tests: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
}

/** The whole of test/expressions, which has its answers as CEL's own suite and the documentation have them. */
describe('the answers of expressions', function () {
  this.timeout(120_000);
  let dir: string;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-nodes-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** Each test by its title, and how it ended. */
  function outcomes(node: string, zone: string): string[] {
    const output = join(dir, 'report.json');
    const reporter = ['--reporter', 'json', '--reporter-option', `output=${output}`];
    // Mocha ends with the number of failures; the report has more to say.
    const run = ['--import=tsx', MOCHA, ...reporter, '--exit', ...FILES];
    const { PATH, HOME } = process.env;
    try {
      execFileSync(node, run, {
        cwd: ROOT,
        env: { PATH, HOME, TZ: zone, HEADGATE_TEST_TEMPORAL: 'off' },
        stdio: 'pipe',
      });
    } catch (error) {
      if ((error as { status?: number | null }).status === null) throw error;
    }
    const { tests } = JSON.parse(readFileSync(output, 'utf8')) as Report;
    return tests.map(({ fullTitle, err }) => `${fullTitle}: ${err.message ?? 'passed'}`).sort();
  }

  let here: string[] | undefined;

  for (const line of LINES)
    describe(`on Node ${line}`, () => {
      let node: string;

      before(function () {
        node = NODES.get(line) ?? '';
        if (node === '') {
          console.log(
            `      skipped: run \`node scripts/other-nodes.mjs\` once, which installs Node ${line}`,
          );
          return this.skip();
        }
        here ??= outcomes(process.execPath, 'UTC');
        const failed = here.filter((each) => !each.endsWith(': passed'));
        assert.ok(here.length > 250 && failed.length === 0, `of ${here.length} tests: ${failed.join('\n')}`);
      });

      for (const zone of ZONES)
        it(`are in ${zone} as on this one in UTC`, () => {
          assert.deepEqual(outcomes(node, zone), here);
        });

      it('are those of a command that starts', () => {
        const bin = join(ROOT, 'bin', 'headgate.mjs');
        const version = execFileSync(node, [bin, '--version'], { encoding: 'utf8' }).trim();
        const own = readFileSync(join(ROOT, 'package.json'), 'utf8');
        assert.equal(version, (JSON.parse(own) as { version: string }).version);
        assert.match(execFileSync(node, [bin, '--help'], { encoding: 'utf8' }), /^Usage: headgate /);
      });
    });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useTempDir } from '../support/temp-dir.js';

const BIN = fileURLToPath(new URL('../../bin/headgate.mjs', import.meta.url));
const RECORD = new URL('./record-imports.fixture.mjs', import.meta.url).href;

/** What help is made of; none of them takes a hundredth of a second to load. */
const LIGHT = ['bytes', 'commander', 'ms'];
/** How long a word of help may take is not measured here: this is what it comes from. */
const MOST_FILES = 45;

/** Runs what is in dist. */
describe('headgate --help', function () {
  this.timeout(60_000);
  const dir = useTempDir();

  function help(args: readonly string[], cwd?: string): { stdout: string; modules: string[] } {
    const file = join(dir(), 'modules');
    rmSync(file, { force: true });
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', RECORD, BIN, ...args, '--help'],
      {
        cwd,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, RECORD_IMPORTS: file },
      },
    );
    assert.equal(status, 0, stderr);
    return { stdout, modules: readFileSync(file, 'utf8').split('\n').filter(Boolean) };
  }

  /** The names of the commands that a help text lists. */
  function commandsIn(text: string): string[] {
    const [, list = ''] = text.split(/^Commands:$/m);
    const names = list.split(/^\S/m)[0]!.matchAll(/^ {2}([a-z][a-z-]*)(?:\|\S+)?(?= |$)/gm);
    return [...names].map(([, name]) => name!).filter((name) => name !== 'help');
  }

  function assertLight({ modules }: { modules: string[] }, command: string): void {
    const files = modules.filter((url) => url.startsWith('file:'));
    const packages = files.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
    const heavy = [...new Set(packages)].filter((name) => !LIGHT.includes(name));
    assert.deepEqual(heavy, [], `${command} loads ${heavy.join(', ')}`);
    const own = files.filter((url) => !url.includes('/node_modules/'));
    assert.ok(own.length <= MOST_FILES, `${command} loads ${own.length} files:\n${own.join('\n')}`);
  }

  it('loads none of what the commands work with, for any command', () => {
    const all = help([]);
    assertLight(all, 'headgate');
    const commands = commandsIn(all.stdout);
    assert.ok(commands.length >= 17, commands.join());
    for (const name of commands) {
      const of = help([name]);
      assertLight(of, name);
      for (const sub of commandsIn(of.stdout)) assertLight(help([name, sub]), `${name} ${sub}`);
    }
  });

  it('names examples by paths that are there, wherever it is asked', () => {
    for (const cwd of [undefined, dir()])
      for (const args of [[], ['start'], ['send'], ['tenant'], ['tenant', 'apply']]) {
        const { stdout } = help(args, cwd);
        const paths = [...stdout.matchAll(/\S*examples\/flights\S*/g)].map(([path]) => path);
        assert.notEqual(paths.length, 0, args.join(' '));
        for (const path of paths) assert.ok(existsSync(join(cwd === undefined ? '' : '/', path)), path);
      }
  });
});

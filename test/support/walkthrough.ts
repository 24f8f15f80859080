import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/system/free-port.js';
import { codeBlocks, type CodeBlock } from './documents.js';
import { nodeEnvironment } from './headgate.js';
import { until } from './until.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The line by which the shell says that a block has ended. */
const END = '@@ended';
/** What goes on until it is stopped, with what it is ready by. */
const ENDLESS = [
  { command: /npx headgate start$/m, ready: /"id":"READY"/ },
  { command: /^node \S+\.mjs$/m, ready: /^/ },
];

/** What a document says, done by one shell: as its reader does it, but for ports and the directory. */
export class Walkthrough {
  /** What each program printed that goes on until it is stopped, in the order of their starts. */
  readonly logs: string[] = [];
  private readonly shell: ChildProcess;
  private output = '';

  /** @param dir an empty directory to work in */
  static async start(dir: string): Promise<Walkthrough> {
    const ports = { 8080: await freePort(), 9000: await freePort() };
    const env = await nodeEnvironment(join(dir, '.headgate'));
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    const headgate = `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(ROOT, 'bin', 'headgate.mjs')}" "$@"\n`;
    writeFileSync(join(bin, 'npx'), headgate, { mode: 0o755 });
    // As `npm install headgate` has it there.
    mkdirSync(join(dir, 'node_modules'));
    symlinkSync(ROOT, join(dir, 'node_modules', 'headgate'));
    const { PATH = '', HOME = '' } = process.env;
    return new Walkthrough(dir, ports, {
      HOME,
      NO_COLOR: '1',
      PATH: `${bin}${delimiter}${PATH}`,
      ...env,
      HEADGATE_PORT: String(ports[8080]),
    });
  }

  private constructor(
    private readonly dir: string,
    private readonly ports: Readonly<Record<number, number>>,
    env: NodeJS.ProcessEnv,
  ) {
    this.shell = spawn('bash', ['--noprofile', '--norc'], { cwd: dir, env, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.shell.stdout, this.shell.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    // A group of its own for each program, so that all of it can be stopped.
    this.shell.stdin?.write('set -m\n');
  }

  /**
   * Does what the blocks of a document say, one after the other, and compares what they print with the JSON after them.
   * @param settled what a block must have printed in the end, by words of the block: it is repeated until then
   */
  async follow(
    document: string,
    { section, settled = {} }: { section?: string; settled?: Readonly<Record<string, RegExp>> } = {},
  ): Promise<void> {
    let printed = '';
    for (const block of codeBlocks(document, section)) {
      const text = this.here(block.text);
      if (block.language === 'json') assertLike(lastJson(printed, block), JSON.parse(text), block.place);
      const [, file] = /^(?:#|\/\/) (\S+\.\w+)\n/.exec(text) ?? [];
      if (file !== undefined) writeFileSync(join(this.dir, file), text);
      if (block.language !== 'sh') continue;
      const [, wanted] = Object.entries(settled).find(([words]) => text.includes(words)) ?? [];
      printed = await this.take(block, text, wanted);
    }
  }

  /** Ends what goes on, and waits for it. */
  async stop(): Promise<void> {
    if (this.shell.exitCode !== null) return;
    this.shell.stdin?.end('for job in $(jobs -p); do kill -- -"$job"; done; wait\n');
    await once(this.shell, 'close');
  }

  /** What a program printed so far that goes on until it is stopped. */
  printedBy(number: number): string {
    return readFileSync(this.logs[number]!, 'utf8');
  }

  private here(text: string): string {
    return text.replaceAll(/(?<=localhost:|127\.0\.0\.1:|listen\()(8080|9000)\b/g, (port) =>
      String(this.ports[Number(port)]),
    );
  }

  private async take(block: CodeBlock, text: string, wanted?: RegExp): Promise<string> {
    const endless = ENDLESS.find(({ command }) => command.test(text));
    if (endless !== undefined) return this.begin(text, endless.ready);
    return until(async () => {
      const { code, printed } = await this.run(text);
      assert.equal(code, 0, `${block.place} ends with ${code}: ${printed}`);
      if (wanted !== undefined) assert.match(printed, wanted, block.place);
      return printed;
    }, 30_000);
  }

  private async begin(text: string, ready: RegExp): Promise<string> {
    const log = join(this.dir, `log-${this.logs.length}`);
    this.logs.push(log);
    // It has the shell's own output open as well: that is not closed before the program has ended, not its shell alone.
    await this.run(`{ ${text.trim()}; } 3>&1 > '${log}' 2>&1 &`);
    return until(() => {
      const printed = readFileSync(log, 'utf8');
      assert.match(printed, ready, printed);
      return printed;
    }, 30_000);
  }

  private async run(text: string): Promise<{ code: number; printed: string }> {
    this.output = '';
    this.shell.stdin?.write(`${text}\necho; echo "${END} $?"\n`);
    return until(() => {
      const [, printed = '', code] = new RegExp(`^(.*)\n${END} (\\d+)\n`, 's').exec(this.output) ?? [];
      assert.ok(code !== undefined, `${text} is still running: ${this.output}`);
      return { code: Number(code), printed };
    }, 30_000);
  }
}

/** The last of the JSON documents that were printed one after the other. */
function lastJson(printed: string, { place }: CodeBlock): unknown {
  for (const { index } of printed.matchAll(/\{/g))
    try {
      return JSON.parse(printed.slice(index));
    } catch {
      // Not the beginning of the last one.
    }
  assert.fail(`${place}: no JSON was printed before it, but ${printed}`);
}

/** A text `…` in what is expected stands for any value. */
function assertLike(actual: unknown, expected: unknown, place: string): void {
  const fill = (wanted: unknown, found: unknown): unknown => {
    if (wanted === '…') return found;
    if (wanted === null || typeof wanted !== 'object') return wanted;
    const entries = Object.entries(wanted).map(([key, value]) => {
      return [key, fill(value, (found as Record<string, unknown> | undefined)?.[key])];
    });
    return Array.isArray(wanted) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
  };
  assert.deepEqual(actual, fill(expected, actual), place);
}

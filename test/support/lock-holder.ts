import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BUILT = new URL('../../dist/platform/file-lock.js', import.meta.url).href;

/** In a pid namespace of its own, where process ids of others mean nothing, as in a container. */
const UNSHARED = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] as const;

/** Takes and releases on request: `take` is answered by `held` or `refused: …`, `release` by `released`. */
const SCRIPT = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
const [path, stopAt] = process.argv.slice(1);
const stopOnce = (name, after) => {
  const real = fs[name];
  fs[name] = (...args) => {
    // Node 24 opens files of its own by the same function.
    if (name === 'openSync' && args[0] !== path) return real(...args);
    fs[name] = real;
    syncBuiltinESMExports();
    const result = after ? real(...args) : undefined;
    process.kill(process.pid, 'SIGSTOP');
    return after ? result : real(...args);
  };
};
if (stopAt === 'before-lock') stopOnce('openSync', true);
if (stopAt === 'after-lock') stopOnce('ftruncateSync', false);
syncBuiltinESMExports();
const { lockFile, describeOwner } = await import(${JSON.stringify(BUILT)});
let lock;
const say = (text) => process.stdout.write(text + '\\n');
const held = (owner) => new Error(describeOwner(owner));
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'take') {
    try {
      lock = await lockFile(path, { held });
      say('held');
    } catch (error) {
      say('refused: ' + error.message);
    }
  }
  if (line === 'spawn') say(String(spawn('sleep', ['60'], { stdio: 'ignore', detached: true }).pid));
  if (line === 'release') {
    lock?.release();
    lock = undefined;
    say('released');
  }
}
`;

/** Where a holder stops itself (SIGSTOP) while it takes the lock for the first time. */
export type StopAt = 'before-lock' | 'after-lock';

/** A process that takes a lock file with the built code. */
export interface LockHolder {
  /** Of the process that was started; `unshare`'s, where it is in a pid namespace of its own. */
  readonly pid: number;
  /** Asks for the lock: `held`, or `refused: …` with who has it. */
  take(): Promise<string>;
  /** Asks for it and does not wait for the answer. */
  begin(): void;
  /** The next answer. */
  answer(): Promise<string>;
  release(): Promise<string>;
  /** Has it start a child that lives on when it dies; the child's id. */
  spawnChild(): Promise<number>;
  /** Resolves once it has stopped itself. */
  stopped(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** True where processes may be started in a pid namespace of their own; a test that needs one is skipped elsewhere. */
export function canUnshare(): boolean {
  const [command, ...args] = UNSHARED;
  return spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}

/** A command in a pid namespace of its own. */
export function unshared(command: string, args: readonly string[]): [string, string[]] {
  const [unshare, ...options] = UNSHARED;
  return [unshare, [...options, command, ...args]];
}

/** Starts a process that takes the lock of a file when it is asked to. */
export function startHolder(
  path: string,
  { apart = false, stopAt = '' }: { apart?: boolean; stopAt?: StopAt | '' } = {},
): LockHolder {
  const args = ['--input-type=module', '-e', SCRIPT, path, stopAt];
  const [command, all] = apart ? unshared(process.execPath, args) : [process.execPath, args];
  const child = spawn(command, all, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const send = (text: string): void => void child.stdin.write(`${text}\n`);
  const answer = async (): Promise<string> => {
    const { value, done } = await lines.next();
    assert.ok(done !== true, 'the holder has ended');
    return value as string;
  };
  return {
    pid: child.pid as number,
    answer,
    begin: () => send('take'),
    take: () => (send('take'), answer()),
    release: () => (send('release'), answer()),
    spawnChild: async () => (send('spawn'), Number(await answer())),
    stopped: () => untilStopped(child),
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function untilStopped({ pid }: ChildProcess): Promise<void> {
  for (;;) {
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
    if (stdout.trim().startsWith('T')) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

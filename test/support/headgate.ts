import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/system/free-port.js';
import { unshared } from './lock-holder.js';
import { newNamespace, temporalAddress, temporalBinary, temporalUiUrl } from './temporal.js';

const BIN = fileURLToPath(new URL('../../bin/headgate.mjs', import.meta.url));

type Env = Readonly<Record<string, string>>;

/** How a command is started. */
export interface SpawnOptions {
  /** In a pid namespace of its own, as in a container; see {@link canUnshare}. */
  readonly apart?: boolean;
}

/** How a finished command ended, and what it said. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<HeadgateProcess>();

/** The environment of a Headgate on `dataDir` with a Temporal server of its own: free ports, the run's binary. */
export async function ownEnvironment(dataDir: string): Promise<Env> {
  return {
    HEADGATE_DATA_DIR: dataDir,
    HEADGATE_PORT: '0',
    HEADGATE_TEMPORAL_PORT: String(await freePort()),
    HEADGATE_TEMPORAL_UI_PORT: String(await freePort()),
    HEADGATE_TEMPORAL_CLI: await temporalBinary(),
  };
}

/**
 * The environment of a Headgate on `dataDir` that uses the run's Temporal server, in a namespace of its own: for nodes
 * that are not about having a server of their own, which takes a second of CPU.
 */
export async function nodeEnvironment(dataDir: string): Promise<Env> {
  return { ...(await ownEnvironment(dataDir)), ...(await sharedTemporal()) };
}

/** What puts a node on the run's Temporal server, in a namespace of its own, beside {@link ownEnvironment}. */
export async function sharedTemporal(): Promise<Env> {
  return {
    TEMPORAL_ADDRESS: temporalAddress(),
    TEMPORAL_NAMESPACE: await newNamespace(),
    TEMPORAL_UI_URL: temporalUiUrl(),
  };
}

/** Starts a command; to be called off by {@link killAll} in an after hook, however the test ends. */
export function spawnHeadgate(
  args: readonly string[],
  env: Env,
  options: SpawnOptions = {},
): HeadgateProcess {
  const started = new HeadgateProcess(args, env, options);
  running.add(started);
  void started.finished.finally(() => running.delete(started));
  return started;
}

/** Runs a command to its end. */
export function runHeadgate(
  args: readonly string[],
  env: Env,
  options: SpawnOptions = {},
): Promise<Finished> {
  return spawnHeadgate(args, env, options).finished;
}

/** Ends whatever a test has left running: gently, so that a Temporal server goes with it, then for good. */
export async function killAll(): Promise<void> {
  await Promise.all([...running].map((each) => each.end()));
}

/** A Headgate process. */
export class HeadgateProcess {
  stdout = '';
  stderr = '';
  /** Resolves when the process has ended and all it said has been read. */
  readonly finished: Promise<Finished>;
  private readonly child: ChildProcess;

  constructor(args: readonly string[], env: Env, { apart = false }: SpawnOptions) {
    const { PATH = '', HOME = '' } = process.env;
    // A clean environment: settings of the developer's own must not leak into a test.
    const [command, all] = apart
      ? unshared(process.execPath, [BIN, ...args])
      : [process.execPath, [BIN, ...args]];
    this.child = spawn(command, all, {
      env: { PATH, HOME, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.finished = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** True until the process has ended. */
  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until a long-running command says that it is ready; the fields of that line of its log. */
  async ready(): Promise<{ url: string; temporal: string }> {
    const line = await this.logged(/"id":"READY"/);
    return JSON.parse(line) as { url: string; temporal: string };
  }

  /** Waits for a line on stderr that matches; fails when the process ends without it. */
  async logged(pattern: RegExp): Promise<string> {
    for (;;) {
      const whole = this.stderr.split('\n').slice(0, -1);
      const line = whole.find((each) => pattern.test(each));
      if (line !== undefined) return line;
      const ended = await Promise.race([
        once(this.child.stderr as NodeJS.ReadableStream, 'data').then(() => undefined),
        this.finished,
      ]);
      assert.equal(ended, undefined, `the process ended before it said ${pattern}:\n${this.stderr}`);
    }
  }

  /** Sends a signal and waits for the end. */
  async signal(signal: NodeJS.Signals): Promise<Finished> {
    this.child.kill(signal);
    return this.finished;
  }

  /** SIGTERM, and SIGKILL if that takes too long. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    await this.signal('SIGTERM');
    clearTimeout(timer);
  }
}

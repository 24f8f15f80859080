import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** Lines of a process's log that are told when it fails. */
const SHOWN_LINES = 20;
const KILL_AFTER_MS = 40_000;

const running = new Set<ChildProcess>();
// However the benchmark ends, it leaves nothing running.
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** How to start a process of the benchmark. */
export interface ChildOptions {
  /** What it is, for messages. */
  readonly name: string;
  /** Arguments to Node. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
}

/** A process that logs JSON lines to stderr, among them one that says it is ready. */
export class Child {
  private readonly process: ChildProcess;
  private readonly last: string[] = [];
  /** Resolves when it has ended. */
  readonly exited: Promise<void>;
  private stopping = false;

  constructor(private readonly options: ChildOptions) {
    this.process = spawn(process.execPath, [...options.args], {
      env: options.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    running.add(this.process);
    this.exited = once(this.process, 'exit').then(() => void running.delete(this.process));
  }

  /** Its process id. */
  get pid(): number {
    return this.process.pid as number;
  }

  /**
   * Waits for the log line whose id is `READY`, and returns its fields; the rest of the log goes to the file.
   * @throws Error with the log's last lines when the process ends before
   */
  ready(): Promise<Record<string, unknown>> {
    const log = createWriteStream(this.options.logFile, { flags: 'a' });
    const lines = createInterface({ input: this.process.stderr as NodeJS.ReadableStream });
    return new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        log.write(`${line}\n`);
        this.last.push(line);
        if (this.last.length > SHOWN_LINES) this.last.shift();
        if (line.includes('"id":"READY"')) resolve(JSON.parse(line) as Record<string, unknown>);
      });
      void this.exited.then(() => reject(this.endedEarly()));
    });
  }

  /**
   * Fails when the process has ended unasked.
   * @throws Error with the log's last lines
   */
  assertRunning(): void {
    if (!this.stopping && !running.has(this.process)) throw this.endedEarly();
  }

  /** Sends SIGTERM and waits for the end; SIGKILL if that takes too long. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (!running.has(this.process)) return;
    const timer = setTimeout(() => this.process.kill('SIGKILL'), KILL_AFTER_MS);
    this.process.kill('SIGTERM');
    await this.exited;
    clearTimeout(timer);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.stopping = true;
    this.process.kill('SIGKILL');
    await this.exited;
  }

  private endedEarly(): Error {
    const { exitCode, signalCode } = this.process;
    const how = signalCode ?? `exit code ${exitCode}`;
    return new Error(`${this.options.name} ended unasked (${how}):\n${this.last.join('\n')}`);
  }
}

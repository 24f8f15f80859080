import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadMessage, LoadProgress, LoadRequest, LoadResult, LoadSpec } from './spec.js';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** A load generator in a process of its own; one load at a time. */
export class LoadGenerator {
  private readonly child: ChildProcess;

  constructor() {
    this.child = fork(MAIN, { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
  }

  /** Its process id. */
  get pid(): number {
    return this.child.pid as number;
  }

  /**
   * Sends a load and returns when its last request is answered.
   * @throws Error when the generator fails or dies
   */
  run(spec: LoadSpec, onProgress: (progress: LoadProgress) => void = () => {}): Promise<LoadResult> {
    const { child } = this;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        child.off('message', onMessage).off('exit', onExit);
        settle();
      };
      const onExit = (code: number | null): void =>
        end(() => reject(new Error(`The load generator ended early, with ${code ?? 'a signal'}.`)));
      const onMessage = (message: LoadMessage): void => {
        if (message.kind === 'progress') onProgress(message.progress);
        else if (message.kind === 'done') end(() => resolve(message.result));
        else end(() => reject(new Error(`The load generator failed: ${message.reason}`)));
      };
      child.on('message', onMessage).on('exit', onExit);
      child.send({ kind: 'run', spec } satisfies LoadRequest);
    });
  }

  /** Ends it. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.disconnect();
    await once(this.child, 'exit');
  }
}

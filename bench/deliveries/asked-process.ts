import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Question } from './messages.js';

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Error) => void;
}

/** A process of the harness's own that answers questions: one that receives webhooks, or one that pulls. */
export class AskedProcess<Request> {
  private readonly child: ChildProcess;
  private readonly asked = new Map<number, Asked>();
  private number = 0;

  /** @param file the TypeScript file that it runs */
  constructor(file: string) {
    this.child = fork(file, { execArgv: ['--import', 'tsx'], serialization: 'advanced' });
    this.child.on('message', (answer: Answer) => this.take(answer));
    this.child.on('exit', (code) => {
      const ended = new Error(`A process of the benchmark ended early, with ${code ?? 'a signal'}.`);
      for (const { reject } of this.asked.values()) reject(ended);
    });
  }

  /** Its process id. */
  get pid(): number {
    return this.child.pid as number;
  }

  /** @throws Error when it fails or dies */
  ask(request: Request): Promise<unknown> {
    const number = this.number++;
    return new Promise((resolve, reject) => {
      this.asked.set(number, { resolve, reject });
      this.child.send({ number, request } satisfies Question<Request>);
    });
  }

  /** Ends it. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.disconnect();
    await once(this.child, 'exit');
  }

  private take(answer: Answer): void {
    const asked = this.asked.get(answer.number);
    this.asked.delete(answer.number);
    if ('failure' in answer) asked?.reject(new Error(answer.failure));
    else asked?.resolve(answer.value);
  }
}

import { fileURLToPath } from 'node:url';
import { AskedProcess } from './asked-process.js';
import type { Arrived, ConsumersRequest } from './messages.js';

const MAIN = fileURLToPath(new URL('./consumers-main.ts', import.meta.url));

/** Consumers of a pull subscription, in a process of their own. */
export class Consumers {
  private readonly process = new AskedProcess<ConsumersRequest>(MAIN);

  /** Its process id. */
  get pid(): number {
    return this.process.pid;
  }

  /** Begins to pull. */
  async pull(from: Omit<ConsumersRequest & { kind: 'start' }, 'kind'>): Promise<void> {
    await this.process.ask({ kind: 'start', ...from });
  }

  /** From here on latencies and times of arrival count anew. */
  async begin(): Promise<void> {
    await this.process.ask({ kind: 'begin' });
  }

  /** What has arrived. @throws Error when a consumer could not go on */
  async arrived(): Promise<Arrived> {
    return (await this.process.ask({ kind: 'arrived' })) as Arrived;
  }

  /** Stops pulling, once everything is acknowledged. */
  async stop(): Promise<void> {
    await this.process.ask({ kind: 'stop' });
  }

  /** Ends it. */
  close(): Promise<void> {
    return this.process.close();
  }
}

import { fileURLToPath } from 'node:url';
import { AskedProcess } from './asked-process.js';
import type { Arrived, Behaviour, ReceiverRequest } from './messages.js';

const MAIN = fileURLToPath(new URL('./receiver-main.ts', import.meta.url));

/** Receives webhooks, in a process of its own, at as many endpoints as are asked for. */
export class Receiver {
  private constructor(
    private readonly process: AskedProcess<ReceiverRequest>,
    private readonly port: number,
  ) {}

  /** Starts one on a free port of the loopback interface. */
  static async open(): Promise<Receiver> {
    const process = new AskedProcess<ReceiverRequest>(MAIN);
    return new Receiver(process, (await process.ask({ kind: 'listen' })) as number);
  }

  /** What Headgate has to be told to be allowed to post here. */
  get env(): Readonly<Record<string, string>> {
    return { HEADGATE_PUSH_ALLOW: '127.0.0.1/32' };
  }

  /** Its process id. */
  get pid(): number {
    return this.process.pid;
  }

  /** The address of an endpoint; it is there without further ado, and behaves well. */
  url(endpoint: string): string {
    return `http://127.0.0.1:${this.port}${endpoint}`;
  }

  /** Changes how an endpoint answers. */
  async behave(endpoint: string, behaviour: Behaviour): Promise<void> {
    await this.process.ask({ kind: 'behave', endpoint, behaviour });
  }

  /** From here on latencies and times of arrival at an endpoint count anew. */
  async begin(endpoint: string): Promise<void> {
    await this.process.ask({ kind: 'begin', endpoint });
  }

  /** What has arrived at an endpoint. */
  async arrived(endpoint: string): Promise<Arrived> {
    return (await this.process.ask({ kind: 'arrived', endpoint })) as Arrived;
  }

  /** Ends it. */
  close(): Promise<void> {
    return this.process.close();
  }
}

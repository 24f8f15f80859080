import { fileURLToPath } from 'node:url';
import { AskedProcess } from '../deliveries/asked-process.js';

const MAIN = fileURLToPath(new URL('./attacker-main.ts', import.meta.url));

/** What the process that attacks is asked. */
export type AttackRequest =
  | { readonly kind: 'start'; readonly name: string; readonly url: string; readonly token: string }
  | { readonly kind: 'stop' };

/** Answers to requests by kind and status; `0` for those without one, `cut` for connections. */
export type Answers = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Hostile tenants, in a process of their own. */
export class Attacker {
  private readonly process = new AskedProcess<AttackRequest>(MAIN);

  /** Begins an attack of a kind. */
  async start(name: string, url: string, token: string): Promise<void> {
    await this.process.ask({ kind: 'start', name, url, token });
  }

  /** Ends all attacks, and tells what they were answered. */
  async stop(): Promise<Answers> {
    return (await this.process.ask({ kind: 'stop' })) as Answers;
  }

  /** Ends it. */
  close(): Promise<void> {
    return this.process.close();
  }
}

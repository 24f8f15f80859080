import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

const CONNECTIONS = 256;
/** A request is given up after it, so that an attack ends soon after it is told to. */
const TIMEOUT_MS = 35_000;
/** After a request that nobody answered, and until a connection that was cut is opened again. */
const REST_MS = 100;
const REOPEN_MS = 1_000;

/**
 * Attacks come from an address of their own, as they do where there is a network. Only Linux has
 * all of 127.0.0.0/8 on its loopback.
 */
const localAddress = process.platform === 'linux' ? '127.0.0.2' : undefined;

/** A request of an attack. */
export interface Asked {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Default: the tenant's own. */
  readonly token?: string;
}

/** The node as one hostile tenant sees it, and what it was answered. */
export class Target {
  /** Answers by status; `0` for requests without one. */
  readonly answers: Record<string, number> = {};
  private readonly pool: Pool;
  private readonly sockets = new Set<Socket>();
  private readonly prefix = randomBytes(4).toString('hex');
  private ids = 0;
  private readonly ended = new AbortController();

  constructor(
    private readonly url: string,
    readonly token: string,
  ) {
    // Each request and each rest listens to it.
    setMaxListeners(0, this.ended.signal);
    this.pool = new Pool(url, {
      connections: CONNECTIONS,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      connect: { localAddress },
    });
  }

  /** False once the attack is to end. */
  get goesOn(): boolean {
    return !this.ended.signal.aborted;
  }

  /** An event with an id that no other has. */
  event(data: unknown, more: object = {}): object {
    const id = `${this.prefix}-${this.ids++}`;
    return { specversion: '1.0', id, source: '/hostile', type: 'hostile', subject: 's', data, ...more };
  }

  /** Sends a request, and notes its status. */
  async ask({ method = 'GET', path, body, token = this.token }: Asked): Promise<void> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = body === undefined ? undefined : JSON.stringify(body);
    try {
      const { signal } = this.ended;
      const answer = await this.pool.request({ method, path, headers, body: sent, signal });
      await answer.body.dump();
      this.note(answer.statusCode);
    } catch {
      if (!this.goesOn) return;
      this.note(0);
      await this.rest(REST_MS);
    }
  }

  /** Posts events. */
  post(events: readonly object[], path = '/v1/events'): Promise<void> {
    return this.ask({ method: 'POST', path, body: events });
  }

  /** Does something over and over, so many times side by side, and rests after each. */
  async over(sideBySide: number, restMs: number, work: (n: number) => Promise<void>): Promise<void> {
    let n = 0;
    const loop = async (): Promise<void> => {
      while (this.goesOn) {
        await work(n++);
        await this.rest(restMs);
      }
    };
    await Promise.all(Array.from({ length: sideBySide }, loop));
  }

  /**
   * Opens a connection by hand that sends this, and does nothing with what it is answered; opened anew a second after it
   * was closed.
   * @param reads whether it takes what it is sent; else it does not see that it was closed either
   */
  async hold(sent: string, reads = true): Promise<void> {
    const { hostname, port } = new URL(this.url);
    while (this.goesOn) {
      const socket = connect({ port: Number(port), host: hostname, localAddress });
      if (reads) socket.resume();
      else socket.pause();
      this.sockets.add(socket);
      const closed = new Promise<void>((resolve) =>
        socket.on('error', () => undefined).once('close', resolve),
      );
      socket.write(sent);
      await closed;
      this.sockets.delete(socket);
      if (!this.goesOn) return;
      this.note('cut');
      await this.rest(REOPEN_MS);
    }
  }

  /** Ends the attack. */
  async end(): Promise<void> {
    this.ended.abort();
    for (const socket of this.sockets) socket.destroy();
    await this.pool.destroy();
  }

  private note(status: number | string): void {
    this.answers[status] = (this.answers[status] ?? 0) + 1;
  }

  private rest(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.ended.signal }).catch(() => undefined);
  }
}

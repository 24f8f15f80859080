import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressOf } from './address.js';

/** Requests of which nobody knows yet whose they are, and what is to be done once somebody does. */
const unidentified = new WeakMap<IncomingMessage, () => void>();

/** Says that a request's token is good: from now on its connection is not cut to make room for others. */
export function identified(request: IncomingMessage): void {
  unidentified.get(request)?.();
  unidentified.delete(request);
}

/** Requests of a connection that are not answered: several, where they are pipelined. */
interface OpenRequests {
  unanswered: number;
  /** Of them, those whose token is good. */
  identified: number;
}

/** When so many of the connections are taken, each new one takes the place of one that does nothing. */
const CROWDED_SHARE = 0.9;
/** Of the oldest connections, how many are compared: looking must cost little when all of them are taken. */
const COMPARED = 64;

/**
 * The open connections of a server, and which of them are cut when there are too many. A connection is in one of four
 * states:
 *
 * - `silent`: the headers of its first request have not come in whole;
 * - `asking`: a request has come, and its token has not been found good (yet);
 * - `served`: a request is answered whose token is good: {@link identified}; never cut;
 * - `idle`: its last request has been answered.
 *
 * Cut are, in this order, those that are silent, idle, and asking. Of each, those who have been so for longest are
 * looked at, and among them goes the one whose address has most connections. So whoever connects and sends a request has
 * a place, whatever number of connections others hold open. What tenants have served at once is bounded by admission.
 */
export class Connections {
  private readonly silent = new Set<Socket>();
  private readonly idle = new Set<Socket>();
  private readonly asking = new Set<Socket>();
  private readonly ofAddress = new Map<string, number>();
  private readonly all = new Map<Socket, OpenRequests>();
  private readonly crowdedAt: number;

  /** @param maxConnections connections beyond it are dropped, which happens only if nothing can be cut */
  constructor(maxConnections: number) {
    this.crowdedAt = Math.max(1, Math.floor(maxConnections * CROWDED_SHARE));
  }

  /** Follows the connections and requests of a server. */
  follow(server: Server): void {
    server.on('connection', (socket) => this.opened(socket));
    for (const event of ['request', 'checkContinue'] as const)
      server.on(event, (request: IncomingMessage, response: ServerResponse) =>
        this.asked(request.socket, request, response),
      );
  }

  private opened(socket: Socket): void {
    const address = addressOf(socket);
    this.all.set(socket, { unanswered: 0, identified: 0 });
    this.ofAddress.set(address, (this.ofAddress.get(address) ?? 0) + 1);
    socket.once('close', () => this.closed(socket, address));
    if (this.all.size > this.crowdedAt) this.makeRoom();
    this.silent.add(socket);
  }

  private asked(socket: Socket, request: IncomingMessage, response: ServerResponse): void {
    const requests = this.all.get(socket);
    if (requests === undefined) return;
    requests.unanswered++;
    unidentified.set(request, () => {
      requests.identified++;
      this.settle(socket, requests);
      response.once('close', () => requests.identified--);
    });
    this.settle(socket, requests);
    response.once('close', () => {
      unidentified.delete(request);
      requests.unanswered--;
      // After what `identified` has to count.
      queueMicrotask(() => this.settle(socket, requests));
    });
  }

  /** Puts a connection into the state that it is in. */
  private settle(socket: Socket, { unanswered, identified }: OpenRequests): void {
    if (!this.all.has(socket)) return;
    const state = unanswered === 0 ? this.idle : identified === 0 ? this.asking : undefined;
    for (const each of [this.silent, this.idle, this.asking]) if (each !== state) each.delete(socket);
    state?.add(socket);
  }

  private closed(socket: Socket, address: string): void {
    this.all.delete(socket);
    for (const state of [this.silent, this.idle, this.asking]) state.delete(socket);
    const left = (this.ofAddress.get(address) ?? 1) - 1;
    if (left === 0) this.ofAddress.delete(address);
    else this.ofAddress.set(address, left);
  }

  private makeRoom(): void {
    for (const state of [this.silent, this.idle, this.asking]) {
      const victim = this.greediest(state);
      if (victim === undefined) continue;
      // It is not counted any more when this returns; its 'close' comes later.
      state.delete(victim);
      this.all.delete(victim);
      victim.destroy();
      return;
    }
  }

  /** Of the oldest, the one whose address has most connections; the oldest of all where they have as many. */
  private greediest(state: ReadonlySet<Socket>): Socket | undefined {
    let found: Socket | undefined;
    let most = 0;
    let looked = 0;
    for (const socket of state) {
      const count = this.ofAddress.get(addressOf(socket)) ?? 0;
      if (count > most) [found, most] = [socket, count];
      if (++looked === COMPARED) break;
    }
    return found;
  }
}

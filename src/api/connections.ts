import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressOf } from './address.js';

/** Requests of which nobody knows yet whose they are, and what is to be done once somebody does. */
const unidentified = new WeakMap<IncomingMessage, (tenant: string) => void>();

/** Says that a request's token is good: until it is answered its connection is not cut to make room for others. */
export function identified(request: IncomingMessage, tenant: string): void {
  unidentified.get(request)?.(tenant);
  unidentified.delete(request);
}

/** What a server knows of a connection. */
interface Connection {
  /** Whose it is: the tenant of its last good token, else its address. */
  holder: string;
  readonly openedAt: number;
  /** Requests that are not answered: several, where they are pipelined. */
  unanswered: number;
  /** Of them, those whose token is good. */
  identified: number;
}

/** When so many of the connections are taken, each new one takes the place of one that does nothing. */
const CROWDED_SHARE = 0.9;
/** Headers that come from far, or to a busy node, take a moment. */
const FRESH_MS = 1_000;
/** So many silent ones are more than come from far. */
const MANY_SILENT_SHARE = 0.25;
/** Requests of one connection that may wait for their answers. Each takes some 2 KB, and a read of 64 KB may bring 2,000. */
const MOST_PIPELINED = 100;

/**
 * The open connections of a server, and which of them are cut when there are too many. A connection is in one of four
 * states:
 *
 * - `silent`: the headers of its first request have not come in whole;
 * - `asking`: a request has come, and its token has not been found good (yet);
 * - `served`: a request is answered whose token is good: {@link identified}; never cut;
 * - `idle`: its last request has been answered.
 *
 * Cut are, in this order, one that has been silent for more than a second (or for less, where a quarter are), one that is idle, one that is silent, and one
 * that is asking: of whoever has most such, the one that has been so for longest. So whoever connects and sends a
 * request has a place, whatever number of connections others hold open, and those that others keep alive stay. What
 * tenants have served at once is bounded by admission. One that sends more than 100 requests without waiting for their
 * answers is cut as well.
 */
export class Connections {
  private readonly all = new Map<Socket, Connection>();
  private readonly silent = new HeldConnections();
  private readonly idle = new HeldConnections();
  private readonly asking = new HeldConnections();
  private readonly crowdedAt: number;

  /**
   * @param maxConnections connections beyond it are dropped, which happens only if nothing can be cut
   * @param onOpened called at each new connection
   */
  constructor(
    maxConnections: number,
    private readonly onOpened: () => void = () => undefined,
  ) {
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
    this.onOpened();
    if (this.all.size >= this.crowdedAt) this.makeRoom();
    const holder = addressOf(socket);
    this.all.set(socket, { holder, openedAt: performance.now(), unanswered: 0, identified: 0 });
    this.silent.add(holder, socket);
    socket.once('close', () => this.forget(socket));
  }

  private asked(socket: Socket, request: IncomingMessage, response: ServerResponse): void {
    const connection = this.all.get(socket);
    if (connection === undefined) return;
    let served = 0;
    if (++connection.unanswered > MOST_PIPELINED) socket.destroy();
    unidentified.set(request, (tenant) => {
      served = 1;
      connection.identified++;
      this.settle(socket, connection, `tenant ${tenant}`);
    });
    this.settle(socket, connection);
    response.once('close', () => {
      unidentified.delete(request);
      connection.unanswered--;
      connection.identified -= served;
      this.settle(socket, connection);
    });
  }

  /** Puts a connection into the state that it is in. */
  private settle(socket: Socket, connection: Connection, holder = connection.holder): void {
    if (!this.all.has(socket)) return;
    this.leaveStates(socket, connection);
    connection.holder = holder;
    if (connection.unanswered === 0) this.idle.add(holder, socket);
    else if (connection.identified === 0) this.asking.add(holder, socket);
  }

  private leaveStates(socket: Socket, { holder }: Connection): void {
    for (const state of [this.silent, this.idle, this.asking]) state.delete(holder, socket);
  }

  private forget(socket: Socket): void {
    const connection = this.all.get(socket);
    if (connection === undefined) return;
    this.all.delete(socket);
    this.leaveStates(socket, connection);
  }

  private makeRoom(): void {
    const silent = this.silent.ofGreediest();
    const since = silent === undefined ? undefined : this.all.get(silent)?.openedAt;
    const isStale = since !== undefined && performance.now() - since > FRESH_MS;
    const areMany = this.silent.count > this.crowdedAt * MANY_SILENT_SHARE;
    const victim =
      (isStale || areMany ? silent : this.idle.ofGreediest()) ?? silent ?? this.asking.ofGreediest();
    if (victim === undefined) return;
    // It does not count any more when this returns; its 'close' comes later.
    this.forget(victim);
    victim.destroy();
  }
}

/** Connections in one state, by whose they are. */
class HeldConnections {
  private readonly byHolder = new Map<string, Set<Socket>>();
  private all = 0;

  /** How many there are. */
  get count(): number {
    return this.all;
  }

  /** Adds one; one that is there already stays where it is. */
  add(holder: string, socket: Socket): void {
    const held = this.byHolder.get(holder);
    if (held?.has(socket) === true) return;
    this.all++;
    if (held === undefined) this.byHolder.set(holder, new Set([socket]));
    else held.add(socket);
  }

  /** Takes one off. */
  delete(holder: string, socket: Socket): void {
    const held = this.byHolder.get(holder);
    if (held?.delete(socket) !== true) return;
    this.all--;
    if (held.size === 0) this.byHolder.delete(holder);
  }

  /** Of the holder that has most, the one that came first. */
  ofGreediest(): Socket | undefined {
    let greediest: Set<Socket> | undefined;
    for (const held of this.byHolder.values())
      if (greediest === undefined || held.size > greediest.size) greediest = held;
    return greediest?.values().next().value;
  }
}

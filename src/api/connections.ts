import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressOf } from './address.js';
import { Holders, type Connection } from './connection-holders.js';
import { whenHalfClosed } from './half-closed.js';

/** What is known of a request that is not answered. */
interface Asked {
  readonly identified: (payer: string) => void;
  readonly heldBack: (release: () => void) => void;
}

const asked = new WeakMap<IncomingMessage, Asked>();

/** Says that a request's token is good, and whom it counts against: until it is answered its connection is not cut to make room for others. */
export function identified(request: IncomingMessage, payer: string): void {
  asked.get(request)?.identified(payer);
}

/**
 * Says that a request is refused, and its answer held back: its connection is again one that may make room.
 * @param release gives the answer at once: called when it has to make room, or its client has gone
 */
export function heldBack(request: IncomingMessage, release: () => void): void {
  asked.get(request)?.heldBack(release);
}

/** When this share of the connections is taken, each new one takes the place of one that does nothing. */
const CROWDED_SHARE = 0.9;
/** Headers that come from far, or to a busy node, take a moment. */
const FRESH_MS = 1_000;
/** A larger share of silent ones is more than come from far. */
const MANY_SILENT_SHARE = 0.25;
/** Requests of one connection that may wait for their answers. Each takes some 2 KB, and a read of 64 KB may bring 2,000. */
const MOST_PIPELINED = 100;

/**
 * The open connections of a server, and which of them go when there are too many. A connection is in one of five
 * states:
 *
 * - `silent`: the headers of its first request have not come in whole;
 * - `asking`: a request has come, and its token has not been found good (yet);
 * - `served`: a request is answered whose token is good: {@link identified}; never cut;
 * - `refused`: all its requests are refused, and their answers held back: {@link heldBack};
 * - `idle`: its last request has been answered.
 *
 * These make room, in this order:
 *
 * 1. one that has been silent for more than a second (or for less, where a quarter are), of the holder that has most such;
 * 2. one of the holder of most connections in all, served ones too: one that is idle, else refused (it gets its answer
 *    at once, and is closed), else silent, else asking. A holder of served ones alone is passed over. Of one that opens
 *    many at once a silent one goes first: nothing has been done for it, and what waits behind the burst waits less.
 *
 * So any client that connects and sends a request has a place, whatever number of connections others hold open, and those that
 * others keep alive stay. What tenants have served at once is bounded by admission.
 *
 * A request may be on its way on a connection that is cut because it is idle. So, while there are too many, the address
 * that has most is told with each answer that the connection closes after it. One that sends more than 100 requests without
 * waiting for their answers is cut as well.
 */
export class Connections {
  private readonly all = new Map<Socket, Connection>();
  private readonly holders = new Holders();
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

  private get isCrowded(): boolean {
    return this.all.size >= this.crowdedAt;
  }

  private opened(socket: Socket): void {
    this.onOpened();
    if (this.isCrowded) this.makeRoom();
    const openedAt = performance.now();
    const connection: Connection = { socket, openedAt, unanswered: 0, served: 0, refused: 0 };
    this.all.set(socket, connection);
    this.holders.put(connection, addressOf(socket), 'silent');
    socket.once('close', () => this.forget(socket));
  }

  private asked(socket: Socket, request: IncomingMessage, response: ServerResponse): void {
    const connection = this.all.get(socket);
    if (connection === undefined) return;
    if (++connection.unanswered > MOST_PIPELINED) socket.destroy();
    let state: 'served' | 'refused' | undefined;
    const become = (next: typeof state, holder?: string): void => {
      if (state !== undefined) connection[state]--;
      if (next !== undefined) connection[next]++;
      state = next;
      this.settle(connection, holder);
    };
    asked.set(request, {
      identified: (payer) => {
        become('served', `tenant ${payer}`);
        if (this.isCrowded && this.holders.isGreediest(connection)) closeAfter(response);
      },
      heldBack: (release) => {
        connection.release = () => {
          closeAfter(response);
          release();
        };
        become('refused');
        whenHalfClosed(request, response, release);
      },
    });
    this.settle(connection);
    response.once('close', () => {
      asked.delete(request);
      connection.unanswered--;
      become(undefined);
    });
  }

  /** Puts a connection into the state that it is in. */
  private settle(connection: Connection, holder?: string): void {
    if (!this.all.has(connection.socket)) return;
    const { unanswered, served, refused } = connection;
    const state =
      unanswered === 0 ? 'idle' : served > 0 ? 'served' : refused === unanswered ? 'refused' : 'asking';
    this.holders.put(connection, holder, state);
  }

  private forget(socket: Socket): void {
    const connection = this.all.get(socket);
    if (connection === undefined) return;
    this.all.delete(socket);
    this.holders.remove(connection);
  }

  private makeRoom(): void {
    const { holders } = this;
    const victim = this.staleSilent() ?? holders.firstOfGreediest();
    if (victim === undefined) return;
    // It does not count any more when this returns; its 'close' comes later.
    this.forget(victim.socket);
    if (victim.refused === 1 && victim.unanswered === 1) victim.release?.();
    else victim.socket.destroy();
  }

  private staleSilent(): Connection | undefined {
    const silent = this.holders.longestSilent();
    if (silent === undefined) return undefined;
    const isStale = performance.now() - silent.openedAt > FRESH_MS;
    const areMany = this.holders.count('silent') > this.crowdedAt * MANY_SILENT_SHARE;
    return isStale || areMany ? silent : undefined;
  }
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

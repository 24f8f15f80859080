import type { IncomingMessage, ServerResponse } from 'node:http';
import { Turns } from '../platform/event-loop-turns.js';
import { addressOf } from './address.js';
import { LIVENESS_PATH } from './routes/health.js';

/**
 * Requests that one address may begin at once in a turn of the event loop. Each takes 0.2 ms before its tenant's bounds
 * hold, and a client that keeps a thousand connections can send on all of them in the same moment.
 */
const BEGUN_AT_ONCE = 10;

/** What begins a request. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Shares the turns of the event loop between addresses, as {@link Turns} does between tenants. Requests are counted
 * instead of milliseconds: what one costs is spread over callbacks, where no clock is.
 */
export class AddressTurns {
  private begun = 0;
  private readonly turns = new Turns({ shareMs: BEGUN_AT_ONCE, clock: () => this.begun });

  /** To be called at each new connection: see {@link Turns.hurry}. */
  hurry(): void {
    this.turns.hurry();
  }

  /** Begins a request now, or in a later turn; not at all if the client has gone by then. */
  begin(request: IncomingMessage, response: ServerResponse, handle: RequestHandler): void {
    const { socket, url } = request;
    if (socket.destroyed) return;
    // It needs nobody's bounds, and probes do not wait behind their address.
    if (url === LIVENESS_PATH) return handle(request, response);
    void this.turns.run(addressOf(socket), () => {
      if (socket.destroyed) return;
      this.begun++;
      handle(request, response);
    });
  }
}

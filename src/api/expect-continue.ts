import type { IncomingMessage, ServerResponse } from 'node:http';

/** Requests whose client waits for "100 Continue" before it sends the body. */
const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * Notes that a request's client waits to be asked for the body. A request that is refused is answered without it, so a
 * large body that would be refused is never sent.
 * @see RFC 9110 section 10.1.1
 */
export function holdContinue(request: IncomingMessage, response: ServerResponse): void {
  waiting.set(request, response);
}

/** Asks for the body if the client waits for that. */
export function askForBody(request: IncomingMessage): void {
  waiting.get(request)?.writeContinue();
  waiting.delete(request);
}

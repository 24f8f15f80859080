import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * Has a server answer who closes its own side of the connection after its request, as `nc -N` does: TCP allows that. Node's
 * own default is to close the other side as well, and to drop the answer.
 *
 * It cannot be told from a client that has gone, until something is written to it. So what waits for long asks for
 * {@link whenHalfClosed}.
 */
export function answerHalfClosed(server: Server): void {
  // Not documented, and in Node since 0.3.
  Object.assign(server, { httpAllowHalfOpen: true });
}

/** Calls back, until the answer is through, once the client has closed its side: most of those have gone. */
export function whenHalfClosed(
  { socket }: IncomingMessage,
  response: ServerResponse,
  onEnd: () => void,
): void {
  if (socket.readableEnded) return onEnd();
  socket.once('end', onEnd);
  response.once('close', () => socket.off('end', onEnd));
}

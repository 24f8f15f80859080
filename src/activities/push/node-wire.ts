import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { buildConnector } from 'undici';

/** What an answer begins with; its body is to be read, or destroyed. */
export interface WireAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Buffer> & { destroy(): unknown };
}

/** Requests to one webhook, over connections of its own. */
export interface Wire {
  post(headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<WireAnswer>;
  /** Closes the connections, after what is on its way. */
  close(): Promise<void> | void;
}

/** What {@link createNodeWire} needs. */
export interface NodeWireOptions {
  readonly url: URL;
  /** Connections at most. */
  readonly connections: number;
  readonly connect: buildConnector.connector;
}

/**
 * Node's own client, for endpoints that answer `100 Continue` although nobody has asked: undici ends the connection there, and
 * this one goes on to the answer behind it.
 * @see RFC 9110, section 15.2
 */
export function createNodeWire({ url, connections, connect }: NodeWireOptions): Wire {
  const { hostname, host, protocol, port, pathname, search } = url;
  const { request, Agent } = protocol === 'https:' ? https : http;
  const agent = Object.assign(new Agent({ keepAlive: true, maxSockets: connections }), {
    createConnection: (_options: unknown, connected: buildConnector.Callback) =>
      connect({ hostname, host, protocol, port }, connected),
  });
  return {
    post: async (headers, body, signal) => {
      const length = String(Buffer.byteLength(body));
      const made = request({
        agent,
        method: 'POST',
        protocol,
        hostname,
        port,
        path: `${pathname}${search}`,
        signal,
        headers: { ...headers, host, 'content-length': length },
      });
      made.end(body);
      const [answer] = (await once(made, 'response')) as [IncomingMessage];
      // The end of the connection is told by the reader of the answer.
      made.on('error', () => undefined);
      return { statusCode: answer.statusCode ?? 0, headers: answer.headers, body: answer };
    },
    close: () => agent.destroy(),
  };
}

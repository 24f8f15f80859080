import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a receiver got it. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a request: with a status, or as it likes. */
export type Answer = (
  request: ReceivedRequest,
  response: ServerResponse,
) => number | void | Promise<number | void>;

/** A webhook's receiving end: a real HTTP server on a port of its own. */
export interface WebhookReceiver {
  readonly port: number;
  readonly url: string;
  /** Everything received, in that order. */
  readonly requests: ReceivedRequest[];
  /** Connections that were made to it. */
  readonly connections: () => number;
  /** How it answers from now on. */
  answer: Answer;
  stop(): Promise<void>;
}

/** Starts a receiver on the loopback address. */
export async function startReceiver(
  answer: Answer = () => 200,
  host = '127.0.0.1',
): Promise<WebhookReceiver> {
  let connections = 0;
  const server = createServer((request, response) => {
    void handle(request, response);
  });
  server.on('connection', () => void connections++);
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const receiver: WebhookReceiver = {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/hook?v=1`,
    requests: [],
    answer,
    connections: () => connections,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const received = {
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    receiver.requests.push(received);
    const status = await receiver.answer(received, response);
    if (status !== undefined) response.writeHead(status).end();
  }
  return receiver;
}

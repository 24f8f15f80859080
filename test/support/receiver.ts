import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a receiver is asked. */
export interface ReceivedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Ids of the events in it. */
  readonly ids: readonly string[];
}

/** What it answers: a status, or more. */
type ReceiverAnswer =
  number | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

/** A webhook receiver of a test: a real HTTP server that remembers what it has confirmed. */
export interface Receiver {
  readonly url: string;
  /** How often each event was confirmed by a 2xx. */
  readonly confirmed: ReadonlyMap<string, number>;
  /** Requests it has answered, by status. */
  readonly answered: ReadonlyMap<number, number>;
  /** How it answers from now on. */
  answer: (request: ReceivedRequest) => ReceiverAnswer | Promise<ReceiverAnswer>;
  /** Closes its port, cutting what is open, until {@link Receiver.up}. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** Starts a receiver on a free port of 127.0.0.1; `answer` defaults to 204. */
export async function startReceiver(answer: Receiver['answer'] = () => 204): Promise<Receiver> {
  const confirmed = new Map<string, number>();
  const answered = new Map<number, number>();
  let server: Server | undefined;
  let port = 0;
  const receiver: Receiver = {
    get url() {
      return `http://127.0.0.1:${port}/hook`;
    },
    confirmed,
    answered,
    answer,
    down: () =>
      new Promise((resolve) => {
        server?.close(() => resolve());
        server?.closeAllConnections();
      }),
    up: () =>
      new Promise((resolve, reject) => {
        server = createServer((request, response) => {
          void text(request).then(
            async (body) => {
              const ids = idsOf(body);
              const given = await receiver.answer({ headers: request.headers, body, ids });
              const {
                status,
                headers = {},
                body: said = '',
              } = typeof given === 'number' ? { status: given } : given;
              answered.set(status, (answered.get(status) ?? 0) + 1);
              if (status < 300) for (const id of ids) confirmed.set(id, (confirmed.get(id) ?? 0) + 1);
              response.writeHead(status, headers).end(said);
            },
            () => undefined,
          );
        });
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => {
          ({ port } = server?.address() as AddressInfo);
          resolve();
        });
      }),
  };
  await receiver.up();
  return receiver;
}

function idsOf(body: string): string[] {
  const value = JSON.parse(body) as { id: string } | { id: string }[];
  return (Array.isArray(value) ? value : [value]).map(({ id }) => id);
}

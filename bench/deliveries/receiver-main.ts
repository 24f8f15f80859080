/** Receives webhooks: a process of its own, told by the harness how its endpoints answer. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answering } from './answering.js';
import { Arrivals } from './arrivals.js';
import type { Behaviour, ReceiverRequest } from './messages.js';

type Event = Parameters<Arrivals['take']>[0];

interface Endpoint {
  behaviour: Behaviour;
  requests: number;
  readonly arrivals: Arrivals;
}

const endpoints = new Map<string, Endpoint>();

function endpointAt(path: string): Endpoint {
  let endpoint = endpoints.get(path);
  if (endpoint === undefined)
    endpoints.set(path, (endpoint = { behaviour: { kind: 'well' }, requests: 0, arrivals: new Arrivals() }));
  return endpoint;
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const endpoint = endpointAt(request.url ?? '');
  const { behaviour, arrivals } = endpoint;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (behaviour.kind === 'hanging') return;
  if (behaviour.kind === 'restarting') return void request.socket.destroy();
  if (behaviour.kind === 'refusing') return answer(response, behaviour.status);
  if (behaviour.kind === 'failing') {
    await sleep(behaviour.delayMs);
    if (fails(endpoint.requests++, behaviour.share)) return answer(response, 503);
  }
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Event | readonly Event[];
  for (const event of Array.isArray(body) ? (body as readonly Event[]) : [body as Event])
    arrivals.take(event);
  answer(response, 204);
}

/** Spread evenly and not by chance, which would open a breaker in one run and not in the next. */
function fails(request: number, share: number): boolean {
  return Math.floor((request + 1) * share) > Math.floor(request * share);
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

// A request that was cut off is the sender's to repeat.
const server = createServer((request, response) => void handle(request, response).catch(() => undefined));

answering<ReceiverRequest>(async (request) => {
  if (request.kind === 'listen') {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  }
  const endpoint = endpointAt(request.endpoint);
  if (request.kind === 'arrived') return endpoint.arrivals.tell();
  if (request.kind === 'begin') return endpoint.arrivals.begin();
  endpoint.behaviour = request.behaviour;
  return undefined;
});

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa, { type Context, type Next } from 'koa';
import { HeadgateError, systemCodeOf } from '../errors.js';
import type { Ingest } from '../ingest/ingest.js';
import type { Logger } from '../observability/logger.js';
import type { StateStore } from '../stores/state/state-store.js';
import type { Authenticator } from './authenticate.js';
import { problemDocument, problems } from './problem.js';
import type { Receipts } from './receipts.js';
import { addBatchRoutes } from './routes/batches.js';
import { addEligibilityRoutes } from './routes/eligibility.js';
import { addEventRoutes } from './routes/events.js';
import { addHealthRoutes, type ReadinessCheck } from './routes/health.js';

/** What the API is built over. */
export interface ApiDependencies {
  readonly authenticate: Authenticator;
  readonly ingest: Ingest;
  readonly state: Pick<StateStore, 'subject' | 'profile'>;
  readonly receipts: Receipts;
  readonly readiness: readonly ReadinessCheck[];
  readonly log: Logger;
}

/** A listening API. */
export interface ListeningApi {
  /** `http://host:port`, with the port that was bound. */
  readonly url: string;
  /** Takes no new connection, answers new requests on open ones with 503, lets open requests finish, and closes. */
  close(): Promise<void>;
}

/** Slow clients are cut off: headers within 10 s, a whole request within 60 s, idle connections after 60 s. */
const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
};
const MAX_CONNECTIONS = 10_000;
/** Open requests get this long at shutdown. */
const CLOSE_GRACE_MS = 10_000;
const SWEEP_EVERY_MS = 100;

/** Builds the Koa application; it holds no port yet. */
export function createApi(dependencies: ApiDependencies): Koa {
  const { authenticate, ingest, state, receipts, readiness, log } = dependencies;
  const app = new Koa();
  // Errors on a broken connection are the client's; everything else is answered by `problems`.
  app.silent = true;
  const router = new Router();
  addEventRoutes(router, authenticate, ingest);
  addEligibilityRoutes(router, authenticate, state);
  addBatchRoutes(router, authenticate, receipts);
  addHealthRoutes(router, readiness);
  app.use(problems(log));
  app.use(refuseUnknown);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** Turns what no route has answered into a problem; `Allow` is set by then where the path knows other methods. */
async function refuseUnknown(ctx: Context, next: Next): Promise<void> {
  await next();
  if (ctx.status === 405 || ctx.status === 501)
    throw new HeadgateError('METHOD_NOT_ALLOWED', `This path does not know the method ${ctx.method}.`);
  if (ctx.status === 404 && ctx.body === undefined)
    throw new HeadgateError('NOT_FOUND', `There is nothing at ${ctx.method} ${ctx.path.slice(0, 200)}.`);
}

/**
 * Binds the API.
 * @throws HeadgateError `PORT_IN_USE`
 */
export async function listen(app: Koa, host: string, port: number): Promise<ListeningApi> {
  const answer = app.callback();
  let closing = false;
  const server = createServer({ ...TIMEOUTS }, (request, response) =>
    closing ? refuse(response) : void answer(request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await bind(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}`,
    close: () => {
      closing = true;
      return close(server);
    },
  };
}

/** A connection that is kept alive and busy would otherwise keep the process from ending. */
function refuse(response: ServerResponse): void {
  const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '1', Connection: 'close' };
  response.writeHead(503, headers);
  response.end(problemDocument(503, 'SHUTTING_DOWN', 'This node is stopping.'));
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(bindError(error, port)));
    server.listen(port, host, resolve);
  });
}

function bindError(error: Error, port: number): Error {
  if (systemCodeOf(error) !== 'EADDRINUSE') return error;
  return new HeadgateError(
    'PORT_IN_USE',
    `Port ${port} is taken by another program. Stop it, or set HEADGATE_PORT to a free port.`,
    { cause: error },
  );
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A connection whose request has just been answered is kept alive by Node even now.
  const sweeping = setInterval(() => server.closeIdleConnections(), SWEEP_EVERY_MS);
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearInterval(sweeping);
  clearTimeout(timer);
}

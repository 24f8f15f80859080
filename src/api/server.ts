import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Router from '@koa/router';
import Koa, { type Context, type Next } from 'koa';
import { portError } from '../platform/ports.js';
import { HeadgateError } from '../errors.js';
import type { EventSchemas } from '../event-schemas/event-schemas.js';
import type { Admission } from '../ingest/admission/admission.js';
import type { Ingest } from '../ingest/ingest.js';
import type { DeadLetters } from '../dead-letters/dead-letters.js';
import type { Logger } from '../platform/logger.js';
import type { Decider } from '../eligibility/decider.js';
import type { Metrics } from '../observability/metrics.js';
import type { WriteKeys } from '../sources/write-keys.js';
import type { Tracing } from '../tracing/tracing.js';
import type { Pull } from '../pull/pull.js';
import type { AuditLogReader } from '../audit-log/reader.js';
import type { Acts } from './acts.js';
import type { Authenticator } from './authenticate.js';
import { AddressTurns, type RequestHandler } from './address-turns.js';
import { Connections } from './connections.js';
import { createGuard } from './guard.js';
import { answerHalfClosed } from './half-closed.js';
import type { ReaderPace } from './reader-pace.js';
import { RefusedTokens } from './refused-tokens.js';
import { SourceGuard, type SourcesInForce } from './sources/source-guard.js';
import { holdContinue } from './expect-continue.js';
import { problemDocument, problems } from './problem.js';
import { analyticsCors, corsHeaders, messageFor } from './analytics/cors.js';
import type { UnknownBodies } from './unknown-bodies.js';
import { RejectedEvents } from '../sources/rejected-events.js';
import type { BodyPace } from './read-body.js';
import type { EventHistory } from '../event-history/event-history.js';
import type { Receipts } from '../receipts/receipts.js';
import type { Replays } from '../replays/replays.js';
import { ExportSlots } from './export-slots.js';
import { ViewerSlots } from './viewer-slots.js';
import { mount } from './mount.js';
import { createConsole } from './console.js';
import { createDocumentation } from './documentation.js';
import { COMMON_ROUTES, ROUTES } from './routes.js';
import { ACTIVITY_ROUTES, type ActivityServices } from './routes/activity.js';
import { AUDIT_LOG_ROUTES } from './routes/audit-log.js';
import { createReadiness, type ReadinessCheck } from './routes/health.js';
import { createScrape, METRICS_ROUTES } from './routes/metrics.js';
import { SECRET_ROUTES, type SecretServices } from './routes/secrets.js';
import { WEBHOOK_SOURCE_ROUTES } from './routes/webhook-sources.js';
import { SOURCE_ROUTES, type SourceServices } from './routes/sources.js';
import { STATUS_ROUTES, type StatusServices } from './routes/status.js';
import { SUBSCRIPTION_ROUTES, type SubscriptionServices } from './routes/subscriptions.js';
import { TENANT_SUBSCRIPTION_ROUTES } from './routes/tenant-subscriptions.js';
import { TENANT_ROUTES, type TenantServices } from './routes/tenants.js';
import { USAGE_ROUTES, type UsageServices } from './routes/usage.js';

/** What the API is built over. */
export interface ApiDependencies {
  readonly authenticate: Authenticator;
  /** The write keys of sources. Default: there are none, and analytics clients need a token. */
  readonly writeKeys?: WriteKeys;
  /** Bounds bodies of which nobody knows yet who sends them. Default: by its own defaults. */
  readonly unknownBodies?: UnknownBodies;
  readonly admission: Admission;
  readonly ingest: Ingest;
  /** The schemas of a tenant's events now in force; undefined where it has none. Default: no tenant has any. */
  readonly schemasOf?: (tenant: string) => EventSchemas | undefined;
  readonly decider: Pick<Decider, 'canonical' | 'rulesInForce' | 'counts'>;
  readonly receipts: Receipts;
  readonly eventHistory: EventHistory;
  readonly replays: Replays;
  readonly deadLetters: DeadLetters;
  readonly pull: Pull;
  /** Without it there is no `/v1/subscriptions`. */
  readonly subscriptions?: SubscriptionServices['subscriptions'];
  /** Without it there is no `/v1/sources`. */
  readonly webhookSources?: SourcesInForce;
  /** Without it there is no `/v1/tenants`. */
  readonly tenants?: TenantServices['tenants'] & SecretServices & SourceServices;
  /** Without it there is no `/v1/usage`. */
  readonly usage?: UsageServices['usage'];
  /** Without it nothing is noted, and there is no `/v1/audit-log`. */
  readonly auditLog?: { readonly acts: Acts; readonly reader: AuditLogReader };
  /** Without it there is no `/v1/status`. */
  readonly status?: StatusServices['status'];
  /** Without it there is no `/v1/activity`. */
  readonly activity?: ActivityServices['activity'];
  readonly readiness: readonly ReadinessCheck[];
  /** How slowly a body may come. Default: any for 10 s, then 1,000 bytes/s. */
  readonly bodyPace?: BodyPace;
  /** How slowly an export may be read. Default: any for 30 s, then 16,000 bytes/s. */
  readonly exportPace?: ReaderPace;
  /** Requests without a good token that an address may make in a minute before it is slowed down. Default 60. */
  readonly refusedTokensPerMinute?: number;
  /** Called for each request of a tenant that is refused. */
  readonly onRefused?: (tenant: string, code: string) => void;
  /** Without it there is no `/metrics`. */
  readonly metrics?: Metrics;
  /** Follows requests that bring events. Default: none. */
  readonly tracing?: Pick<Tracing, 'request'>;
  readonly log: Logger;
}

/** Bounds on connections, against clients that are slow or say nothing. Times in milliseconds. */
export interface ConnectionLimits {
  /** A request's headers must be complete within it. Default 10 s. */
  readonly headersTimeout: number;
  /** A request must be complete within it, headers and body. Default 60 s. */
  readonly requestTimeout: number;
  /** A connection is closed after this long without a request. Default 60 s. */
  readonly keepAliveTimeout: number;
  /** A connection is cut when nothing has moved on it for this long, as when an answer is not read. Default 120 s. */
  readonly timeout: number;
  /** How often the first two are looked at. Default 5 s. */
  readonly connectionsCheckingInterval: number;
  /** Most connections; near it, those that do nothing make room. Default 10,000; one that is idle takes about 10 kB. */
  readonly maxConnections: number;
}

/** How to listen. */
export interface ListenOptions extends Partial<ConnectionLimits> {
  /** The variable that sets the port, to be named when the port is taken. Default `HEADGATE_PORT`. */
  readonly portVariable?: string;
  /** A descriptor that listens already; then host and port are its own. Default: one is opened. */
  readonly socket?: number;
  /** Called at each new connection. */
  readonly onConnection?: () => void;
  /** Open requests get this long at shutdown, in milliseconds. Default 10 s. */
  readonly closeGraceMs?: number;
}

/** A listening API. */
export interface ListeningApi {
  /** `http://host:port`, with the port that was bound. */
  readonly url: string;
  /** Takes no new connection, answers new requests on open ones with 503, lets open requests finish, and closes. */
  close(): Promise<void>;
}

const CONNECTION_LIMITS: ConnectionLimits = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 60_000,
  timeout: 120_000,
  connectionsCheckingInterval: 5_000,
  maxConnections: 10_000,
};
const CLOSE_GRACE_MS = 10_000;
const SWEEP_EVERY_MS = 100;
/**
 * Connections that the kernel holds until the node takes them, where `net.core.somaxconn` allows it. Beyond it a client
 * asks again after 1, 3 and 7 seconds; Node's 511 are full when a thousand connections that were cut come back at once.
 */
const BACKLOG = 4_096;

/** Builds the Koa application; it holds no port yet. */
export function createApi(dependencies: ApiDependencies): Koa {
  const { subscriptions, status, activity, usage, tenants, auditLog, metrics, readiness, log } = dependencies;
  const refusedTokens = new RefusedTokens(dependencies);
  const guard = createGuard({ ...dependencies, refusedTokens, acts: auditLog?.acts });
  const app = new Koa();
  // Errors on a broken connection are the client's; everything else is answered by `problems`.
  app.silent = true;
  const router = new Router();
  const services = {
    ...dependencies,
    exportSlots: new ExportSlots(),
    rejectedEvents: new RejectedEvents(),
    readinessNow: createReadiness(readiness),
    documentation: createDocumentation(ROUTES),
    console: createConsole(),
  };
  mount(router, COMMON_ROUTES, services, guard);
  mountSources(router, dependencies, refusedTokens);
  if (subscriptions !== undefined) mount(router, SUBSCRIPTION_ROUTES, { subscriptions }, guard);
  if (usage !== undefined) mount(router, USAGE_ROUTES, { usage }, guard);
  if (tenants !== undefined) mountTenants(router, tenants, guard);
  if (auditLog !== undefined) mount(router, AUDIT_LOG_ROUTES, { auditLog: auditLog.reader }, guard);
  if (status !== undefined) mount(router, STATUS_ROUTES, { status }, guard);
  if (activity !== undefined)
    mount(router, ACTIVITY_ROUTES, { activity, viewerSlots: new ViewerSlots() }, guard);
  if (metrics !== undefined) mount(router, METRICS_ROUTES, { scrape: createScrape(metrics) });
  app.use(analyticsCors);
  app.use(problems(log));
  app.use(refuseUnknown);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function mountSources(router: Router, dependencies: ApiDependencies, refusedTokens: RefusedTokens): void {
  const { webhookSources: sources, auditLog } = dependencies;
  if (sources === undefined) return;
  const sourceGuard = new SourceGuard({ ...dependencies, sources, refusedTokens, acts: auditLog?.acts });
  mount(router, WEBHOOK_SOURCE_ROUTES, { ...dependencies, sourceGuard });
}

function mountTenants(
  router: Router,
  tenants: NonNullable<ApiDependencies['tenants']>,
  guard: ReturnType<typeof createGuard>,
): void {
  mount(router, [...TENANT_ROUTES, ...TENANT_SUBSCRIPTION_ROUTES], { tenants }, guard);
  mount(router, SECRET_ROUTES, tenants, guard);
  mount(router, SOURCE_ROUTES, tenants, guard);
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
 * @throws HeadgateError `PORT_IN_USE`, `PORT_REFUSED`
 */
export async function listen(
  app: Koa,
  host: string,
  port: number,
  {
    portVariable = 'HEADGATE_PORT',
    closeGraceMs = CLOSE_GRACE_MS,
    onConnection,
    socket,
    ...limits
  }: ListenOptions = {},
): Promise<ListeningApi> {
  const { maxConnections, timeout, ...timeouts } = { ...CONNECTION_LIMITS, ...limits };
  const answer = app.callback();
  let closing = false;
  const begin: RequestHandler = (request, response) =>
    closing ? refuse(response) : void answer(request, response);
  const addresses = new AddressTurns();
  const handle: RequestHandler = (request, response) => addresses.begin(request, response, begin);
  const server = createServer(timeouts);
  const hurry = (): void => {
    addresses.hurry();
    onConnection?.();
  };
  new Connections(maxConnections, hurry).follow(server);
  server.on('request', handle).on('checkContinue', (request, response) => {
    holdContinue(request, response);
    handle(request, response);
  });
  answerHalfClosed(server);
  server.timeout = timeout;
  server.maxConnections = maxConnections;
  await bind(server, socket === undefined ? { host, port } : { fd: socket }, portVariable);
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}`,
    close: () => {
      closing = true;
      return close(server, closeGraceMs);
    },
  };
}

/** A connection that is kept alive and busy would otherwise keep the process from ending. */
function refuse(response: ServerResponse): void {
  const { url } = response.req;
  const detail = 'This node is stopping.';
  response.writeHead(503, {
    'Content-Type': 'application/problem+json',
    'Retry-After': '1',
    Connection: 'close',
    ...corsHeaders(url),
  });
  response.end(problemDocument(503, 'SHUTTING_DOWN', detail, messageFor(url, detail)));
}

function bind(
  server: Server,
  at: { readonly host: string; readonly port: number } | { readonly fd: number },
  variable: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject('fd' in at ? error : portError(error, { ...at, variable })));
    server.listen({ ...at, backlog: BACKLOG }, resolve);
  });
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A connection whose request has just been answered is kept alive by Node even now.
  const sweeping = setInterval(() => server.closeIdleConnections(), SWEEP_EVERY_MS);
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(sweeping);
  clearTimeout(timer);
}

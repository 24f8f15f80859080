import type { IncomingMessage } from 'node:http';
import type { Context, Next } from 'koa';
import { HeadgateError, type ErrorCode } from '../errors.js';
import type { Admission } from '../ingest/admission/admission.js';
import { operatorPayer } from '../ingest/admission/payer.js';
import type { Permit } from '../ingest/admission/permit.js';
import type { AnsweredRequest, Metrics } from '../observability/metrics.js';
import type { ActRoute, Acts } from './acts.js';
import { callerOf, lackOf, type Authenticator } from './authenticate.js';
import type { Caller } from './caller.js';
import { identified } from './connections.js';
import { createRequestCounter } from './count-request.js';
import { statusOf } from './problem.js';
import { setRateLimitHeaders } from './rate-limit-headers.js';
import { readBody, type BodyPace } from './read-body.js';
import { AdmissionWaits } from './admission-waits.js';
import { assertOrigin, byToken, byTokenOrKey } from './identify.js';
import type { WriteKeys } from '../sources/write-keys.js';
import { UnknownBodies, type EarlyBody } from './unknown-bodies.js';
import type { Scope } from './scopes.js';
import type { RefusedTokens } from './refused-tokens.js';
import { namedTenant, tenantInPath, tenantOf, tenantOfRequest, type Audience } from './tenant-of-request.js';
import { TokenWatch, tokenOf } from './token-watch.js';

/** What {@link createGuard} needs. */
export interface GuardOptions {
  readonly authenticate: Authenticator;
  /** The write keys of sources, for routes that take them. Default: there are none. */
  readonly writeKeys?: WriteKeys;
  /** Bounds bodies of which nobody knows yet who sends them. Default: by its own defaults. */
  readonly unknownBodies?: UnknownBodies;
  readonly admission: Admission;
  readonly refusedTokens: RefusedTokens;
  readonly bodyPace?: BodyPace;
  readonly metrics?: Pick<Metrics, 'requestAnswered' | 'refused'>;
  /** Called for each request of a tenant that is refused. */
  readonly onRefused?: (tenant: string, code: ErrorCode | 'INTERNAL') => void;
  /** Brings requests into the audit log. Default: none are. */
  readonly acts?: Pick<Acts, 'begin' | 'done' | 'tokenRefused'>;
}

/** What a route says of itself. */
export interface GuardedRoute extends ActRoute {
  /** Whom it is for. Default `tenant`. */
  readonly audience?: Audience;
  /**
   * Path parameter with the tenant that it is about, where it manages tenants: for operators alone, and the tenant need not
   * be there.
   */
  readonly tenantIn?: string;
  /** Path parameter with the name of the one thing that the scope `<scope>:<name>` is enough for. */
  readonly narrowedBy?: string;
  /** Largest body in bytes, inflated. Default: it has none, and what comes is not read. */
  readonly maxBytes?: number;
  /** Write keys of sources are as good as tokens; and what is gzip need not say so. */
  readonly writeKeys?: boolean;
  /** It takes events in: their rates, the backlog, spool and disk count as well. */
  readonly takesEvents?: boolean;
  /** How many calls of Temporal it counts as. Default none: it is answered from this process, or by what is bounded itself. */
  readonly temporalCost?: number;
}

/** Middleware that stands before a route: see {@link createGuard}. */
export type Guard = (scope: Scope, route?: GuardedRoute) => (ctx: Context, next: Next) => Promise<void>;

/**
 * Builds what stands before every route that needs a token. In this order: the check of the token, or of the write key,
 * for which a body may have to be read, the tenant's bounds on
 * requests, the tenant that it is about, the scope, and admission, before anything of the body is read. An operator has
 * bounds of its own: what it asks does not count against the tenant that it asks about. It tells the quotas with every
 * answer. What the body and the answer take counts until the answer is ready; the request itself until it is through.
 * The token is looked at again once the body is there, before a GET is answered, and until any answer but that to events
 * is through, which is cut when the token is lost.
 * The audit log has what was asked before it is answered.
 * Refusals for a tenant's own limit are 429, for the node's 503, both with `Retry-After`; those of a tenant that goes on
 * all the same, more than 50 in a second, are held back.
 */
export function createGuard(options: GuardOptions): Guard {
  const { authenticate, unknownBodies = new UnknownBodies(options), refusedTokens, acts } = options;
  const tokens = byToken(authenticate);
  const keys = byTokenOrKey({ ...options, unknownBodies });
  const counted = createRequestCounter(options.admission);
  const waits = new AdmissionWaits();
  return (scope, route = {}) =>
    async (ctx, next) => {
      const identifier = route.writeKeys === true ? keys : tokens;
      const { caller, early } = await identifier
        .identify(ctx, route.maxBytes ?? 0)
        .catch((error: unknown): Promise<never> => {
          acts?.tokenRefused(ctx, route, error);
          return refusedTokens.refused(ctx.req, error);
        });
      const payer = payerOf(caller);
      identified(ctx.req, payer);
      ctx.state.caller = caller;
      ctx.state.token = new TokenWatch(ctx, { authenticate: identifier, refusedTokens });
      // Answers have a tenant's data; no cache on the way may keep them.
      ctx.set('Cache-Control', 'no-store');
      const drop = (): void => early?.drop();
      const run = async (): Promise<void> => {
        try {
          assertAllowed(ctx, scope, route);
        } catch (error) {
          refusedTokens.notAllowed(ctx.req, error);
          throw error;
        }
        acts?.begin(ctx, route);
        await watched(ctx, route, () => admitted(ctx, { ...options, waits }, route, next, early));
      };
      await answering(ctx, options, route, () => counted(ctx, payer, run, drop)).finally(drop);
    };
}

/** Whom a request counts against. */
function payerOf({ tenant, subject }: Caller): string {
  return tenant ?? operatorPayer(subject);
}

/** Refusals of operators have one label, which no tenant can be called. */
const OPERATORS = '(operators)';

/** Finds the tenant that a request is about, and whether the token allows it. */
function assertAllowed(ctx: Context, scope: Scope, route: GuardedRoute): void {
  const caller = callerOf(ctx);
  const managed = paramOf(ctx, route.tenantIn);
  ctx.state.managed = managed !== undefined;
  ctx.state.tenant =
    managed === undefined
      ? tenantOfRequest(caller, route.audience ?? 'tenant', namedTenant(ctx))
      : tenantInPath(caller, managed, namedTenant(ctx));
  assertOrigin(caller, ctx.get('origin'));
  const lacking = lackOf(caller, scope, paramOf(ctx, route.narrowedBy));
  if (lacking !== undefined) throw lacking;
}

/** Runs what a route does, as long as the token is good. */
async function watched(ctx: Context, { takesEvents }: GuardedRoute, run: () => Promise<void>): Promise<void> {
  const token = tokenOf(ctx);
  if (takesEvents !== true) token.follow();
  // What a POST has done is done, and said.
  const reads = ctx.method === 'GET' || ctx.method === 'HEAD';
  try {
    // How the tenant stands that an operator names has not been looked at yet.
    if (callerOf(ctx).tenant === undefined) await token.check();
    await run().finally(() => (reads ? token.check() : undefined));
    token.answered();
  } catch (error) {
    if (error === token.reason) token.refused();
    throw error;
  }
}

/** What {@link answering} needs. */
export type AnsweringOptions = Pick<GuardOptions, 'admission' | 'metrics' | 'acts' | 'onRefused'>;

/** Runs what a route does with a request that has come in, tells the quotas, and counts what came of it. */
export async function answering(
  ctx: Context,
  { admission, metrics, acts, onRefused }: AnsweringOptions,
  route: GuardedRoute,
  run: () => Promise<void>,
): Promise<void> {
  const began = performance.now();
  const { takesEvents } = route;
  const caller = callerOf(ctx);
  let refusedSeconds: number | undefined;
  try {
    await run().catch(async (error: unknown) => {
      await acts?.done(ctx, route, caller, error);
      throw error;
    });
    await acts?.done(ctx, route, caller);
  } catch (error) {
    const status = statusOf(error);
    if (error instanceof HeadgateError && status === 429) refusedSeconds = error.retryAfterSeconds;
    if (takesEvents === true || status === 429 || status === 503) {
      const code = error instanceof HeadgateError && status !== 500 ? error.code : 'INTERNAL';
      metrics?.refused(caller.tenant ?? OPERATORS, code);
      if (caller.tenant !== undefined) onRefused?.(caller.tenant, code);
    }
    throw error;
  } finally {
    setRateLimitHeaders(ctx, admission.quotasOf(payerOf(caller)), refusedSeconds);
    const handled = ctx.state.handled as Handled | undefined;
    const seconds = (performance.now() - began) / 1000;
    const tenant = tenantOf(ctx);
    if (handled !== undefined && tenant !== undefined)
      metrics?.requestAnswered(tenant, { ...handled, seconds });
  }
}

async function admitted(
  ctx: Context,
  { admission, bodyPace, waits }: GuardOptions & { readonly waits: AdmissionWaits },
  { takesEvents, writeKeys, maxBytes = 0, temporalCost = 0 }: GuardedRoute,
  next: Next,
  early: EarlyBody | undefined,
): Promise<void> {
  const payer = payerOf(callerOf(ctx));
  // A larger body is refused for that when it is read, and must not be for want of room.
  const bytes = early?.bytes ?? Math.min(maxBytes, announcedBytes(ctx.req));
  const admit = (): Permit =>
    takesEvents === true
      ? admission.admit(payer, bytes, tenantOf(ctx))
      : admission.admitCall(payer, bytes, temporalCost);
  const permit = writeKeys === true ? await waits.admit(payer, ctx.res, admit) : admit();
  ctx.state.permit = permit;
  // The permit holds it now.
  early?.release();
  if (early !== undefined) permit.received(bytes);
  ctx.state.readBody = async () => {
    const reading = { maxBytes, pace: bodyPace, onBytes: permit.received, anyGzip: writeKeys };
    const body = early?.octets ?? (await readBody(ctx.req, reading));
    await tokenOf(ctx).check();
    return body;
  };
  try {
    await next();
  } finally {
    permit.release();
  }
}

type Handled = Omit<AnsweredRequest, 'seconds'>;

/** Notes what became of a request's events, for the metrics. */
export function noteHandled(
  ctx: Context,
  { accepted, duplicate, rejected }: Omit<Handled, 'bytes'>,
  bytes: number,
): void {
  ctx.state.handled = { accepted, duplicate, rejected, bytes } satisfies Handled;
}

/** The permit of the request; set by the guard. */
export function permitOf(ctx: Context): Permit {
  return ctx.state.permit as Permit;
}

/**
 * Reads the request's body, as long as the route may have one, and counts it against what may be in memory.
 * @throws HeadgateError what {@link readBody} throws; `TENANT_IN_FLIGHT_FULL`, `OVERLOADED`; why the token is good no more
 */
export function bodyOf(ctx: Context): Promise<Buffer> {
  return (ctx.state.readBody as () => Promise<Buffer>)();
}

function paramOf(
  ctx: Context & { params?: Record<string, string> },
  name: string | undefined,
): string | undefined {
  return name === undefined ? undefined : ctx.params?.[name];
}

/** A chunked body announces nothing, and counts as it comes in. */
function announcedBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0) || 0;
}

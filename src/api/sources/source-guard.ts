import type { Context } from 'koa';
import type { SecretReader } from '../../config.js';
import { HeadgateError, messageOf } from '../../errors.js';
import type { Admission } from '../../ingest/admission/admission.js';
import type { Logger } from '../../platform/logger.js';
import { MINUTE_MS } from '../../platform/time.js';
import type { WebhookSource } from '../../webhook-sources/compile.js';
import { verifyRequest } from '../../webhook-sources/verify.js';
import type { ActRoute, Acts } from '../acts.js';
import { reachOf, type Caller } from '../caller.js';
import { identified } from '../connections.js';
import { createRequestCounter, type RequestCounter } from '../count-request.js';
import { answering, type AnsweringOptions } from '../guard.js';
import type { BodyPace } from '../read-body.js';
import type { RefusedTokens } from '../refused-tokens.js';
import { UnverifiedBodies } from './unverified-bodies.js';

/** A source of a tenant as it is now. */
interface FoundSource {
  readonly source: WebhookSource;
  readonly isSuspended: boolean;
}

/** Knows the sources of tenants, and what their senders sign with. */
export interface SourcesInForce {
  /** Undefined for a tenant that is not there, as for a source that is not. */
  find(tenant: string, name: string): FoundSource | undefined;
  readonly secretOf: SecretReader;
}

/** What a {@link SourceGuard} needs. */
export interface SourceGuardOptions extends AnsweringOptions {
  readonly sources: SourcesInForce;
  readonly admission: Admission;
  readonly refusedTokens: Pick<RefusedTokens, 'refused'>;
  readonly acts?: Pick<Acts, 'begin' | 'done' | 'tokenRefused'>;
  readonly bodyPace?: BodyPace;
  readonly log: Pick<Logger, 'warn'>;
}

/** A request whose sender has proved that it is the source's. */
export interface Admitted {
  readonly source: WebhookSource;
  readonly body: Buffer;
  /** What was signed. */
  readonly content: Buffer;
}

/** Which of the tenants' sources a request is sent to. */
interface Addressed {
  readonly tenant: string;
  readonly name: string;
}

/**
 * Stands before the sources, as the guard does before routes with tokens. What proves who sends is made over the body,
 * so that is read first, within bounds of its own. Nothing of a request counts against the tenant before its signature is
 * found right: anybody knows the address. From there on it is a request of the tenant's as any that brings events.
 */
export class SourceGuard {
  private readonly counted: RequestCounter;
  private readonly bodies: UnverifiedBodies;
  /** Sources of which a line was logged in the last minute, and when. */
  private readonly told = new Map<string, number>();

  constructor(private readonly options: SourceGuardOptions) {
    this.counted = createRequestCounter(options.admission);
    this.bodies = new UnverifiedBodies(options.bodyPace);
  }

  /**
   * Lets a request in or refuses it, and runs `take` with what is admitted.
   * @throws HeadgateError `SOURCE_UNKNOWN`, `SIGNATURE_INVALID`, `SOURCE_UNVERIFIABLE`, `TENANT_SUSPENDED`; what reading the
   * body, admission and `take` throw
   */
  async pass(
    ctx: Context,
    route: ActRoute,
    to: Addressed,
    take: (admitted: Admitted) => Promise<void>,
  ): Promise<void> {
    const { sources } = this.options;
    const found = sources.find(to.tenant, to.name);
    if (found === undefined) return this.refuse(ctx, route, unknownSource());
    const admitted = await this.bodies.while(ctx.req, found.source.maxBytes, async (body) => {
      const verified = this.verify(ctx, to, found.source, body);
      if (verified instanceof HeadgateError) return this.refuse(ctx, route, verified);
      return { source: found.source, body, content: verified };
    });
    if (found.isSuspended) return this.refuse(ctx, route, suspended(to));
    await this.admit(ctx, route, to, () => take(admitted), admitted.body);
  }

  /** What was signed, or why nobody can say. */
  private verify(
    ctx: Context,
    to: Addressed,
    { verify, toleranceMs }: WebhookSource,
    body: Buffer,
  ): Buffer | HeadgateError {
    const secrets = this.unlessBroken(to, () => this.secretsOf(to.tenant, verify.secrets));
    const options = { secrets, toleranceMs, now: Date.now() };
    const verified = this.unlessBroken(to, () =>
      verifyRequest(verify, { headers: ctx.req.headers, body }, options),
    );
    if (!('problem' in verified)) return verified.content;
    ctx.set('WWW-Authenticate', verify.kind === 'basic' ? 'Basic realm="headgate"' : 'HMAC realm="headgate"');
    return new HeadgateError('SIGNATURE_INVALID', verified.problem);
  }

  /** The values of all references; one that has none is left out, as long as another has. */
  private secretsOf(tenant: string, references: readonly string[]): string[] {
    const values = references.flatMap((reference) => this.options.sources.secretOf(tenant, reference) ?? []);
    if (values.length > 0) return values;
    throw new HeadgateError(
      'SECRET_MISSING',
      `There is no value for ${references.join(', ')} in this process.`,
      { retryable: true },
    );
  }

  /** What is wrong with a secret is for the log: who sends the request has to know nothing of it. */
  private unlessBroken<T>(to: Addressed, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof HeadgateError)) throw error;
      this.tell(to, messageOf(error));
      throw new HeadgateError(
        'SOURCE_UNVERIFIABLE',
        'Webhooks of this source cannot be verified at present.',
        {
          retryable: true,
          retryAfterSeconds: 60,
          cause: error,
        },
      );
    }
  }

  private tell({ tenant, name }: Addressed, reason: string): void {
    const key = `${tenant}/${name}`;
    const now = Date.now();
    if (now - (this.told.get(key) ?? 0) < MINUTE_MS) return;
    this.told.set(key, now);
    this.options.log.warn('WEBHOOKS_NOT_VERIFIED', { tenant, source: name, reason });
  }

  private refuse(ctx: Context, route: ActRoute, error: HeadgateError): Promise<never> {
    this.options.acts?.tokenRefused(ctx, route, error);
    return this.options.refusedTokens.refused(ctx.req, error);
  }

  private async admit(
    ctx: Context,
    route: ActRoute,
    { tenant, name }: Addressed,
    run: () => Promise<void>,
    body: Buffer,
  ): Promise<void> {
    identified(ctx.req, tenant);
    ctx.state.caller = callerOf(tenant, name);
    ctx.state.tenant = tenant;
    ctx.set('Cache-Control', 'no-store');
    const { admission, acts } = this.options;
    await answering(ctx, this.options, { ...route, takesEvents: true }, () =>
      this.counted(ctx, tenant, async () => {
        acts?.begin(ctx, route);
        const permit = admission.admit(tenant, body.length);
        ctx.state.permit = permit;
        ctx.state.readBody = () => Promise.resolve(body);
        try {
          permit.received(body.length);
          await run();
        } finally {
          permit.release();
        }
      }),
    );
  }
}

/** As the audit log and the metrics know who sent it. */
function callerOf(tenant: string, name: string): Caller {
  return { role: 'tenant', tenant, subject: `source ${name}`, scopes: new Set(), reach: reachOf([tenant]) };
}

function unknownSource(): HeadgateError {
  return new HeadgateError('SOURCE_UNKNOWN', 'There is no source at this address.');
}

function suspended({ tenant }: Addressed): HeadgateError {
  return new HeadgateError('TENANT_SUSPENDED', `Tenant ${tenant} is suspended.`);
}

import type { Context } from 'koa';
import type { AuditLog } from '../audit-log/audit-log.js';
import type { Act } from '../audit-log/entry.js';
import { codeOf, HeadgateError } from '../errors.js';
import { MINUTE_MS } from '../platform/time.js';
import { peerOf } from './address.js';
import { statusOf } from './problem.js';
import type { Caller } from './caller.js';
import { tenantOf } from './tenant-of-request.js';

/**
 * What a route's requests are to the audit log. `changes`: each is on disk before its answer. `reads`: each is noted, up to
 * a number in a minute, and counted beyond it. `counted`: only counted, as they come by the thousand.
 */
type ActKind = 'changes' | 'reads' | 'counted';

/** What a route says of itself to the audit log. */
export interface ActRoute {
  /** What the audit log calls it. */
  readonly id?: string;
  /** What it is to the audit log. Default: a GET reads, any other changes something. */
  readonly act?: ActKind;
}

/** What a handler's call says of itself, beside what the guard knows. */
export interface Told {
  readonly reason?: string;
  readonly made?: string;
}

/** Requests of one caller to one route that have the same end, and an entry of their own in a minute; the rest is counted. */
const NOTED_READS = 60;
const NOTED_REFUSALS = 20;
/** Kinds of requests that are told apart in a minute; beyond it nobody's name is kept. */
const MOST_KEYS = 10_000;
/** The same of requests without a good token, which anybody can send. */
const MOST_ADDRESSES = 100;

interface Count {
  readonly act: Act;
  readonly since: string;
  noted: number;
  counted: number;
}

/** Brings what the API is asked into the audit log: who, what, of which tenant, from where, and what came of it. */
export class Acts {
  private counts = new Map<string, Count>();
  private strangers = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly log: Pick<AuditLog, 'note' | 'change' | 'assertWritable'>) {
    this.timer = setInterval(() => this.tell(), MINUTE_MS).unref();
  }

  /** Before a route's handler. @throws HeadgateError `AUDIT_LOG_UNAVAILABLE`: it would change something */
  begin(ctx: Context, route: ActRoute): void {
    if (kindOf(ctx, route) === 'changes') this.log.assertWritable();
  }

  /** After it, before the answer. @throws HeadgateError `AUDIT_LOG_UNAVAILABLE` */
  async done(ctx: Context, route: ActRoute, caller: Caller, error?: unknown): Promise<void> {
    const kind = kindOf(ctx, route);
    const { role, subject } = caller;
    // One that was refused before it was looked at which tenant it is about counts as the caller's own.
    const tenant = tenantOf(ctx) ?? caller.tenant;
    const outcome = outcomeOf(error);
    const code = outcome === 'ok' ? undefined : (codeOf(error) ?? 'INTERNAL');
    const key = `${role}\n${tenant}\n${subject}\n${route.id}\n${code ?? ''}`;
    const act = (): Act => ({
      ...requested(ctx, route, kind),
      tenant,
      subject,
      role,
      outcome,
      code,
    });
    if (kind === 'counted') return void this.count(key, act);
    if (outcome !== 'ok') return this.sample(key, act, NOTED_REFUSALS);
    if (kind === 'reads') return this.sample(key, act, NOTED_READS);
    await this.log.change(act());
  }

  /** A request whose token is not good: nobody knows whose it is. */
  tokenRefused(ctx: Context, route: ActRoute, error: unknown): void {
    const code = codeOf(error);
    if (code === undefined) return;
    const act = (): Act => ({
      ...requested(ctx, route, kindOf(ctx, route)),
      role: 'unknown',
      outcome: 'refused',
      code,
    });
    const key = `\n${peerOf(ctx.req.socket)}\n${code}`;
    if (this.counts.has(key)) return this.sample(key, act, 1);
    const isKept = this.strangers < MOST_ADDRESSES;
    if (isKept) this.strangers++;
    const nobody = { act: 'tokenRefused', kind: 'reads', role: 'unknown', outcome: 'refused', code } as const;
    if (isKept) this.sample(key, act, 1);
    else this.count(`\n\n${code}`, () => nobody);
  }

  /** Tells what was counted. */
  close(): void {
    clearInterval(this.timer);
    this.tell();
  }

  private sample(key: string, act: () => Act, most: number): void {
    const count = this.countOf(key, act);
    if (count.noted >= most) count.counted++;
    else {
      count.noted++;
      this.log.note(act());
    }
  }

  private count(key: string, act: () => Act): void {
    this.countOf(key, act).counted++;
  }

  private countOf(key: string, act: () => Act): Count {
    const known = this.counts.get(key);
    if (known !== undefined) return known;
    const whole = act();
    const isFull = this.counts.size >= MOST_KEYS;
    const { tenant, kind, role, outcome, code } = whole;
    const kept: Act = isFull ? { act: 'others', tenant, kind, role, outcome, code } : whole;
    const keptKey = isFull ? `\n\n${tenant}\n${outcome}` : key;
    const made = this.counts.get(keptKey) ?? {
      act: kept,
      since: new Date().toISOString(),
      noted: isFull ? Infinity : 0,
      counted: 0,
    };
    this.counts.set(keptKey, made);
    return made;
  }

  /** Brings what was counted into the log. */
  tell(): void {
    const { counts } = this;
    this.counts = new Map();
    this.strangers = 0;
    for (const { act, since, counted } of counts.values()) {
      // Of several requests there is no one path.
      if (counted > 0) this.log.note({ ...act, params: undefined, reason: undefined, count: counted, since });
    }
  }
}

/** What the audit log has of any request. Never its body, its query or its token. */
function requested(
  ctx: Context & { params?: Record<string, string> },
  { id = 'unknown' }: ActRoute,
  kind: ActKind,
): Pick<Act, 'act' | 'kind' | 'address' | 'forwardedFor' | 'params' | 'reason' | 'made'> {
  const told = ctx.state.told as Told | undefined;
  return {
    act: id,
    kind: kind === 'counted' ? 'reads' : kind,
    address: peerOf(ctx.req.socket),
    forwardedFor: ctx.get('x-forwarded-for'),
    params: ctx.params,
    ...told,
  };
}

function kindOf({ method }: Context, { act }: ActRoute): ActKind {
  return act ?? (method === 'GET' || method === 'HEAD' ? 'reads' : 'changes');
}

function outcomeOf(error: unknown): Act['outcome'] {
  if (error === undefined) return 'ok';
  return error instanceof HeadgateError && statusOf(error) < 500 ? 'refused' : 'failed';
}

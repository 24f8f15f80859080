import { text, integer, flag, choice, list, optional, closed, type Wire } from '../platform/json-schema.js';
import { randomBytes } from 'node:crypto';
import { HeadgateError } from '../errors.js';
import { INPUT_STREAMS } from '../events/event.js';
import { ownSchema, whatIsWrong } from '../platform/own-schema.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import { stateQueue, tenantQueue } from '../tenants/queues.js';
import type { ReplayInput, ReplayRange, ReplayTask } from '../workflows/messages/replays.js';

const EVENTS_PER_SECOND = 5_000;

const moment = (description: string) =>
  text({
    pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2}))?$',
    description: `RFC 3339, or a day. ${description}`,
  });
const name = (description: string) => text({ pattern: '^[a-z][a-z0-9_-]{0,62}$', description });

/** Body of `POST /v1/replays`. */
export const REPLAY_REQUEST = closed(
  {
    from: optional(moment('Included. Default: from the oldest event that is kept.')),
    to: optional(moment('Not included. Default: now.')),
    eventTime: optional(
      flag({
        description: "The range is by the events' own time. Default: by that of receipt.",
      }),
    ),
    stream: optional(choice(INPUT_STREAMS, { description: 'Default: both.' })),
    types: optional(
      list(text({ pattern: '^[^*]*\\*?$', minLength: 1, maxLength: 255 }), {
        minItems: 1,
        maxItems: 100,
        description: 'Exact, or a prefix as `booking.*`. Default: all.',
      }),
    ),
    subscription: optional(
      name('Deliver to this subscription alone. Excludes `into` and `rules`. With none: deliver to all.'),
    ),
    into: optional(name('Fill this new subscription: each event once, however often it is run.')),
    rules: optional(
      text({
        pattern: '^(current|[0-9a-f]{12})$',
        description:
          "Decide again by the rules of this version of the tenant's configuration, or `current`, and record.",
      }),
    ),
    applyCurrent: optional(
      flag({
        description:
          'Of `rules`: what is decided becomes current, where these rules are in force and nothing newer is known.',
      }),
    ),
    dryRun: optional(flag({ description: 'Say what would happen, and do nothing.' })),
    eventsPerSecond: optional(
      integer({
        minimum: 1,
        maximum: 1_000_000,
        description: `Kept events read per second. Default ${EVENTS_PER_SECOND}.`,
      }),
    ),
  },
  { title: 'ReplayRequest' },
);

/** Body of `POST /v1/replays`. */
export type ReplayRequest = Wire<typeof REPLAY_REQUEST>;

const isReplayRequest = ownSchema<ReplayRequest>(REPLAY_REQUEST, { verbose: true });

/**
 * Checks the JSON of a request.
 * @throws HeadgateError `REPLAY_INVALID` (says where)
 */
export function checkReplayRequest(value: unknown): ReplayRequest {
  if (isReplayRequest(value)) return value;
  throw invalid(whatIsWrong(isReplayRequest.errors));
}

/** Where a replay is asked for. */
export interface ReplayPlace {
  /** The tenant's configuration as it is. */
  readonly tenant: LoadedTenant;
  /** The configuration that `rules` names. */
  readonly chosen: LoadedTenant;
  /** The node of the spool beside the state. */
  readonly node: string;
}

/**
 * What a replay is to do.
 * @throws HeadgateError `REPLAY_INVALID` when the request contradicts itself or the tenant's configuration
 */
export function replayInputOf(
  request: ReplayRequest,
  { tenant, chosen, node }: ReplayPlace,
  now: number,
): ReplayInput {
  const task = taskOf(request);
  const range = rangeOf(request, task, now);
  assertDelivers(request, task, tenant);
  if (request.applyCurrent === true) assertApplies(task, tenant, chosen);
  return {
    tenant: tenant.config.tenant,
    replayId: newReplayId(now),
    range,
    task,
    version: chosen.version,
    dryRun: request.dryRun ?? false,
    eventsPerSecond: request.eventsPerSecond ?? EVENTS_PER_SECOND,
    activityQueue: tenantQueue(tenant.config.tenant),
    ...(request.applyCurrent === true && { stateQueue: stateQueue(node) }),
    requestedAt: now,
  };
}

function taskOf({ subscription, into, rules, applyCurrent }: ReplayRequest): ReplayTask {
  const given = [subscription, into, rules].filter((each) => each !== undefined);
  if (given.length > 1)
    throw invalid('"subscription", "into" and "rules" exclude each other: it delivers, or decides again');
  if (rules !== undefined) return { kind: 'decide', ...(applyCurrent === true && { applyCurrent }) };
  if (into !== undefined) return { kind: 'fill', subscription: into };
  return { kind: 'deliver', ...(subscription !== undefined && { subscription }) };
}

function rangeOf(request: ReplayRequest, { kind }: ReplayTask, now: number): ReplayRange {
  const { types, stream } = request;
  const from = momentOf('from', request.from, 0);
  // What was acknowledged just before may have come in the same millisecond.
  const to = momentOf('to', request.to, now + 1);
  if (from >= to) throw invalid('"from" must be before "to"');
  if (kind === 'decide' && stream === 'user-properties')
    throw invalid('rules decide on the stream "events", not on "user-properties"');
  return {
    from,
    to,
    by: request.eventTime === true ? 'event-time' : 'receipt',
    ...(kind === 'decide' ? { stream: 'events' } : stream !== undefined && { stream }),
    ...(types !== undefined && { types }),
  };
}

function momentOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw invalid(`"${name}" is no moment there has been`);
  return time;
}

/** A replay that could deliver nothing is a mistake. */
function assertDelivers({ types, dryRun }: ReplayRequest, task: ReplayTask, { config }: LoadedTenant): void {
  if (task.kind === 'decide') return;
  const { subscription } = task;
  if (subscription === undefined) {
    if (config.routes.length === 0 && dryRun !== true)
      throw invalid('the tenant has no routes, so there is nothing to deliver to; "rules" decides again');
    return;
  }
  if (!config.subscriptions.some(({ name }) => name === subscription))
    throw invalid(`the tenant has no subscription "${subscription}"`);
  if (types === undefined && !config.routes.some(({ to }) => to.includes(subscription)))
    throw invalid(`no route names the subscription "${subscription}": say with "types" what it is to get`);
}

/** A replay whose decisions could not become current is a mistake. */
function assertApplies({ kind }: ReplayTask, tenant: LoadedTenant, chosen: LoadedTenant): void {
  if (kind !== 'decide')
    throw invalid('"applyCurrent" needs "rules": what is only delivered decides nothing');
  const inForce = new Set(tenant.rules.rules.map(({ name, version }) => `${name} ${version}`));
  if (!chosen.rules.rules.some(({ name, version }) => inForce.has(`${name} ${version}`)))
    throw invalid(
      'none of the rules of "rules" is in force, so no decision of theirs can become current; apply them first (headgate tenant apply)',
    );
}

/** Ids sort by when the replays were asked for. */
function newReplayId(now: number): string {
  const moment = new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').toLowerCase();
  return `${moment}-${randomBytes(4).toString('hex')}`;
}

function invalid(problem: string): HeadgateError {
  return new HeadgateError('REPLAY_INVALID', `This replay cannot be: ${problem}.`);
}

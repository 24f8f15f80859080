import { CALLS, isCall, type AnalyticsCall } from './calls.js';
import { slugOf } from './slug.js';

type Members = Readonly<Record<string, unknown>>;

/** What is said beside an event: by its path, its source, and the batch that it is in. */
export interface Surroundings {
  /** `source` of the CloudEvents. */
  readonly source: string;
  /** The call of the path, which counts before what the event says itself; undefined in a batch. */
  readonly call?: AnalyticsCall;
  /** When the batch was sent: the time of an event that has none. */
  readonly sentAt?: unknown;
  /** What holds for all events of a batch; an event's own members win. */
  readonly context?: unknown;
  readonly integrations?: unknown;
  /** Makes the id of an event that has none. `timed`: it says itself when it was. */
  readonly makeId: (timed: boolean) => string;
}

/** The CloudEvents that one event of the protocols becomes, not validated yet. */
export interface Mapped {
  /** For the stream `events`. */
  readonly event: Members & { readonly type: string };
  /** For the stream `user-properties`: what it says of its subject, if it does. */
  readonly profile?: Members;
}

/** Why an event becomes none. */
export interface Unmapped {
  readonly unusable: string;
}

/** What identify, group and alias call what is known of a subject. */
interface Profile {
  readonly data: Members;
  /** Whose profile and aggregates become the subject's. */
  readonly mergesubject?: string;
}

/**
 * Turns an event of the protocols into CloudEvents. Null and the empty text count as absent. What has become an attribute
 * is not repeated in `data`; all else is kept there as it was sent, and a write key never.
 * @param sent the parsed JSON of one event
 */
export function toCloudEvents(sent: unknown, around: Surroundings): Mapped | Unmapped {
  if (!isObject(sent)) return { unusable: 'an event must be a JSON object' };
  const call = around.call ?? sent.type;
  if (!isCall(call)) return { unusable: `type must be one of ${CALLS.join(', ')}` };
  const type = call === 'track' ? trackType(sent.event) : call;
  if (type === undefined) return { unusable: 'event, the name of what is tracked, must be a text' };
  const subject = idIn(sent.userId) ?? idIn(sent.anonymousId);
  if (subject === undefined && call !== 'track' && call !== 'page' && call !== 'screen')
    return { unusable: `${call} needs a userId or an anonymousId` };
  const ownTime = present(sent.timestamp) ?? present(sent.originalTimestamp);
  const attributes = {
    specversion: '1.0',
    id: idIn(sent.messageId) ?? around.makeId(ownTime !== undefined),
    source: around.source,
    type,
    subject,
    time: ownTime ?? present(sent.sentAt) ?? present(around.sentAt),
  };
  const event = { ...attributes, data: dataOf(sent, call, around) };
  const profile = profileOf(sent, call, subject);
  return profile === undefined ? { event } : { event, profile: { ...attributes, ...profile } };
}

function trackType(name: unknown): string | undefined {
  return typeof name === 'string' && name !== '' ? `track.${slugOf(name)}` : undefined;
}

/** Members that attributes are made of, or that are of no use to anybody behind the API. */
const TAKEN = ['type', 'messageId', 'timestamp', 'originalTimestamp', 'sentAt', 'writeKey', '_metadata'];

function dataOf(sent: Members, call: AnalyticsCall, around: Surroundings): Members {
  const data: Record<string, unknown> = { ...sent };
  for (const name of TAKEN) delete data[name];
  for (const name of ['userId', 'anonymousId', 'previousId', 'groupId'])
    if (name in data && present(data[name]) === undefined) delete data[name];
  for (const name of ['context', 'integrations'] as const) {
    const merged = mergedOf(around[name], data[name]);
    if (merged !== undefined) data[name] = merged;
  }
  const named = call === 'page' || call === 'screen' ? nameOf(sent) : undefined;
  if (named !== undefined) data.name = named;
  if (call === 'identify' && !isObject(data.traits) && isObject(traitsOf(sent))) data.traits = traitsOf(sent);
  return data;
}

/** The first level is merged: of a member that both have, the event's is taken whole. */
function mergedOf(outer: unknown, own: unknown): unknown {
  if (!isObject(outer)) return own;
  return isObject(own) ? { ...outer, ...own } : (present(own) ?? outer);
}

function nameOf({ name, properties }: Members): unknown {
  return present(name) ?? (isObject(properties) ? present(properties.name) : undefined);
}

function traitsOf({ traits, context }: Members): unknown {
  return present(traits) ?? (isObject(context) ? present(context.traits) : undefined);
}

/** What an event says of its subject; undefined where that is nothing. */
function profileOf(sent: Members, call: AnalyticsCall, subject: string | undefined): Profile | undefined {
  if (call === 'alias') return merging({}, idIn(sent.previousId) ?? idIn(sent.anonymousId), subject);
  const traits = traitsOf(sent);
  if (call === 'identify') {
    // What is not an object is left to the check of events, which says so.
    const data = (traits ?? {}) as Members;
    const merged = merging(data, idIn(sent.anonymousId), subject);
    return merged ?? (isObject(data) && Object.keys(data).length === 0 ? undefined : { data });
  }
  const group = call === 'group' ? idIn(sent.groupId) : undefined;
  // Of context.traits nobody knows whether they are the group's or the user's.
  const own = isObject(sent.traits) ? sent.traits : undefined;
  if (group === undefined) return undefined;
  return { data: { groupId: group, ...(own !== undefined && { group: own }) } };
}

function merging(data: Members, other: string | undefined, subject: string | undefined): Profile | undefined {
  return other === undefined || other === subject ? undefined : { data, mergesubject: other };
}

/** An id, also one that was sent as a number; what is neither text nor number is refused when the event is checked. */
function idIn(value: unknown): string | undefined {
  const id = present(value);
  return typeof id === 'number' ? String(id) : (id as string | undefined);
}

function present(value: unknown): unknown {
  return value === null || value === '' ? undefined : value;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

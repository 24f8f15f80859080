import type { DecisionRow, EventRow, Stream } from './event.js';

/** An alert to a tenant: a subscription of its that Headgate has disabled or paused, or whose breaker has opened. */
export interface SubscriptionAlert {
  readonly tenant: string;
  readonly subscription: string;
  readonly state: 'disabled' | 'breaker-open' | 'paused';
  /** Why, in words. */
  readonly reason: string;
  /** Since when, ISO 8601. */
  readonly since: string;
}

/** What the type of a derived event begins with: only routes that name such a type match it. */
export const DERIVED_PREFIX = 'headgate.';
/** Type of the event that is derived from a decision with another outcome than the last one of its subject and rule. */
const DECISION_CHANGED = `${DERIVED_PREFIX}decision.changed`;
/** Types of the events that alerts are, by what the subscription has become. */
const ALERT_TYPES = {
  disabled: `${DERIVED_PREFIX}subscription.disabled`,
  'breaker-open': `${DERIVED_PREFIX}subscription.breaker-opened`,
  paused: `${DERIVED_PREFIX}subscription.paused`,
} as const;
/** Extension attribute: how many stages an event has passed, itself or what it was made from. */
export const HOPS = 'hops';

/** An event may be delivered so often, counting the events it was made from; then it goes no further. */
export const MAX_HOPS = 8;

/** How many stages an event has passed: what its producer kept of the event it was made from. */
export function hopsOf({ extensions }: EventRow): number {
  const hops = extensions?.[HOPS];
  return typeof hops === 'number' && Number.isInteger(hops) && hops > 0 ? hops : 0;
}

/** The derived event of a decision. */
export function decisionEvent(row: DecisionRow, receivedAt: string): EventRow {
  const { id, subject, time, event_id, event_source, rule, rule_version, outcome, reason } = row;
  return {
    specversion: '1.0',
    id,
    source: 'headgate',
    type: DECISION_CHANGED,
    time,
    ...(subject !== null && { subject }),
    stage: 'decision',
    data: { event_id, event_source, rule, rule_version, outcome, reason },
    received_at: receivedAt,
  };
}

/** The derived event of an alert. */
export function alertEvent(
  { subscription, state, reason, since }: SubscriptionAlert,
  receivedAt: string,
): EventRow {
  const type = ALERT_TYPES[state];
  return {
    specversion: '1.0',
    id: `${type}:${subscription}:${since}`,
    source: 'headgate',
    type,
    time: since,
    subject: subscription,
    datacontenttype: 'application/json',
    data: { subscription, reason, since },
    received_at: receivedAt,
  };
}

/**
 * The event that a line of a batch file stands for, as subscribers get it: a line of the stream `decisions` as the event
 * derived from it, and every event with one stage more behind it.
 */
export function deliveredEvent(line: string, stream: Stream): EventRow {
  const row = JSON.parse(line) as EventRow | DecisionRow;
  const event = stream === 'decisions' ? decisionEvent(row as DecisionRow, row.time) : (row as EventRow);
  return { ...event, extensions: { ...event.extensions, [HOPS]: hopsOf(event) + 1 } };
}

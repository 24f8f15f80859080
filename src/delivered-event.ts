import type { DecisionRow, EventRow, Stream } from './event.js';

/** What the type of a derived event begins with: only routes that name such a type match it. */
export const DERIVED_PREFIX = 'headgate.';
/** Type of the event that is derived from a decision with another outcome than the last one of its subject and rule. */
export const DECISION_CHANGED = `${DERIVED_PREFIX}decision.changed`;
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
  const { id, subject, time, event_id, rule, rule_version, outcome, reason } = row;
  return {
    specversion: '1.0',
    id,
    source: 'headgate',
    type: DECISION_CHANGED,
    time,
    ...(subject !== null && { subject }),
    stage: 'decision',
    data: { event_id, rule, rule_version, outcome, reason },
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

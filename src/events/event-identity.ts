import { createHash } from 'node:crypto';
import type { EventRow, Stream } from './event.js';

/** What CloudEvents tells events apart by. */
export type Identified = Pick<EventRow, 'id' | 'source'>;

/**
 * The identity of an event within its stream as one text: CloudEvents' `source` and `id`, of which neither means
 * anything without the other. No two events share it, since neither has a line feed.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#id
 */
export function eventKey({ source, id }: Identified): string {
  return `${source}\n${id}`;
}

/**
 * A name for an event among all that Headgate has, or for several in this order, by which receivers tell repetitions:
 * the same for the same tenant, stream, source and id, 40 hex digits whatever these are.
 */
export function eventDigest(tenant: string, stream: Stream, events: readonly Identified[]): string {
  const named = [tenant, stream, ...events.map(eventKey)];
  return createHash('sha256').update(JSON.stringify(named)).digest('hex').slice(0, 40);
}

import { eventKey, type Identified } from '../events/event-identity.js';

/**
 * A 53-bit fingerprint (cyrb53) of a text. As a double it takes 9 bytes in the state where an event's id takes
 * 40, and a scan of numbers is quick. Among the at most some 550 entries of an aggregate a new event meets another's
 * fingerprint once in 10^12 events, and then that event is left out of that one aggregate.
 * @see https://github.com/bryc/code/blob/master/jshash/experimental/cyrb53.js
 */
export function fingerprintOf(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

/** How aggregates know an event that they have folded. */
export interface EventPrints {
  /** Of its source and id: below zero, which tells it from the ids' fingerprints that version 0.1.0 has kept. */
  readonly key: number;
  /** Of its id alone, as version 0.1.0 has kept it. */
  readonly id: number;
}

/** The fingerprints of an event. */
export function printsOf(event: Identified): EventPrints {
  return { key: -1 - fingerprintOf(eventKey(event)), id: fingerprintOf(event.id) };
}

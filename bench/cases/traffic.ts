import type { Probes, Traffic } from '../load/spec.js';
import type { CaseContext } from './bench-case.js';

/** Tenants, and subjects over all of them, where a case is not about their number. */
export const TENANTS = 16;
/** See {@link TENANTS}. */
export const SUBJECTS = 4_000;
/** Events in a POST, where a case is not about that. */
export const REQUEST_EVENTS = 100;
/** Connections of an open loop: more than are ever needed, so that requests do not wait for one. */
export const OPEN_CONNECTIONS = 256;

/** The indexes of the first `count` tenants. */
export function firstTenants(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** As much as the system takes, of {@link REQUEST_EVENTS} events a POST. */
export function saturation(context: CaseContext, more: Partial<Traffic> = {}): Traffic {
  return {
    name: 'saturation',
    tenants: firstTenants(TENANTS),
    requestEvents: REQUEST_EVENTS,
    pace: { kind: 'closed', connections: context.connections, honourRetryAfter: true },
    ...more,
  };
}

/** A steady rate whatever the answers do. */
export function steady(eventsPerSecond: number, more: Partial<Traffic> = {}): Traffic {
  return {
    name: 'steady',
    tenants: firstTenants(TENANTS),
    requestEvents: REQUEST_EVENTS,
    pace: { kind: 'open', eventsPerSecond, connections: OPEN_CONNECTIONS },
    ...more,
  };
}

/** Probes of the time to a decision, a few per second. */
export function decisionProbes(more: Partial<Probes> = {}): Probes {
  return { name: 'probes', tenants: firstTenants(TENANTS), perSecond: 5, ...more };
}

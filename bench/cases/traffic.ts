import type { Probes, Traffic } from '../load/spec.js';
import type { CaseContext } from './bench-case.js';

/** Tenants where a case is not about their number. */
const TENANTS = 16;
/** The same in a quick run: each tenant costs workflows, however little it sends. */
export const QUICK_TENANTS = 4;
/** Subjects over all tenants, where a case is not about their number. */
export const SUBJECTS = 4_000;
/** Events in a POST, where a case is not about that. */
export const REQUEST_EVENTS = 100;
/** Connections of an open loop: more than are ever needed, so that requests do not wait for one. */
const OPEN_CONNECTIONS = 256;

/** How many tenants there are where a case is not about that. */
export function usualTenants({ quick }: Pick<CaseContext, 'quick'>): number {
  return quick ? QUICK_TENANTS : TENANTS;
}

/** The indexes of the first `count` tenants. */
export function firstTenants(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** As much as the system takes, of {@link REQUEST_EVENTS} events a POST. */
export function saturation(context: CaseContext, more: Partial<Traffic> = {}): Traffic {
  return {
    name: 'saturation',
    tenants: firstTenants(usualTenants(context)),
    requestEvents: REQUEST_EVENTS,
    pace: { kind: 'closed', connections: context.connections, honourRetryAfter: true },
    ...more,
  };
}

/** A steady rate whatever the answers do. */
export function steady(context: CaseContext, eventsPerSecond: number, more: Partial<Traffic> = {}): Traffic {
  return {
    name: 'steady',
    tenants: firstTenants(usualTenants(context)),
    requestEvents: REQUEST_EVENTS,
    pace: { kind: 'open', eventsPerSecond, connections: OPEN_CONNECTIONS },
    ...more,
  };
}

/** Probes of the time to a decision, a few per second. */
export function decisionProbes(context: CaseContext, more: Partial<Probes> = {}): Probes {
  return { name: 'probes', tenants: firstTenants(usualTenants(context)), perSecond: 5, ...more };
}

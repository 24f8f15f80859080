import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What every tenant of the benchmark has: an aggregate that is folded and a rule that is evaluated on each event, so
 * that each event gives exactly one decision; the `swap_aircraft` of the flights example over all three event types.
 * Ten seconds of aggregate window hold as many events per aircraft at full speed as a day of real flights does.
 */
export const RULES_YAML = `aggregates:
  late_flights:
    on: [flight.departed, flight.arrived, flight.cancelled]
    when: event.type == "flight.cancelled" || event.data.delay_minutes >= 30
    op: count
    window: 10s
rules:
  - name: swap_aircraft
    on: [flight.departed, flight.arrived, flight.cancelled]
    when: event.type == "flight.cancelled" || (event.data.delay_minutes >= 30 && aggregates.late_flights >= 3)
`;

/** Limits so high that admission admits everything. */
const NO_LIMITS_YAML =
  'limits: { eventsPerSecond: 1000000, bytesPerSecond: 10GB, requestsPerSecond: 1000000, activitiesPerSecond: 100000 }\n';

/** What tenants may have otherwise than each other's benchmark. */
export interface TenantSettings {
  /** Whether admission is out of the way (default), or the limits are a tenant's defaults. */
  readonly limits?: 'none' | 'default';
  /** Length of a load window, such as `1s`. Default: a tenant's default. */
  readonly window?: string;
  /** The subscriptions of a tenant, and its routes, as its file has them. Default: none. */
  readonly deliver?: (tenant: string) => Deliver;
}

/** Parts of a tenant's file. */
export interface Deliver {
  readonly subscriptions: readonly Readonly<Record<string, unknown>>[];
  readonly routes: readonly Readonly<Record<string, unknown>>[];
}

/** Names of `count` tenants. */
export function tenantNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench-${String(index + 1).padStart(4, '0')}`);
}

/** A tenant's configuration file. */
export function tenantYaml(
  tenant: string,
  { limits = 'none', window, deliver }: TenantSettings = {},
): string {
  const ofLimits = limits === 'none' ? NO_LIMITS_YAML : '';
  const ofWindow = window === undefined ? '' : `warehouse: { kind: parquet, window: ${window} }\n`;
  const parts = Object.entries(deliver?.(tenant) ?? {});
  // JSON is YAML, too.
  const delivered = parts.map(([name, part]) => `${name}: ${JSON.stringify(part)}\n`).join('');
  return `tenant: ${tenant}\n${ofLimits}${ofWindow}${delivered}${RULES_YAML}`;
}

/** Writes a configuration file for each tenant into `directory`. */
export function writeTenantFiles(
  directory: string,
  tenants: readonly string[],
  settings: TenantSettings,
): void {
  mkdirSync(directory, { recursive: true });
  for (const tenant of tenants)
    writeFileSync(join(directory, `${tenant}.yaml`), tenantYaml(tenant, settings));
}

import { join } from 'node:path';
import { readLines } from '../events/event-lines.js';
import type { InputStream } from '../events/event.js';
import type { LoadedTenant } from '../tenants/config/registry.js';

/** One tenant's part of the demo's data. */
export interface TenantWeek {
  readonly tenant: string;
  /** Events as JSON, in the order of the file. */
  readonly lines: Readonly<Record<InputStream, readonly string[]>>;
  /** Distinct ids. */
  readonly ids: Readonly<Record<InputStream, ReadonlySet<string>>>;
  /** Rule evaluations the tenant's configuration asks for on these events. */
  readonly evaluations: number;
}

const FILES: Readonly<Record<InputStream, string>> = {
  'user-properties': 'aircraft.ndjson.gz',
  events: 'flights.ndjson.gz',
};

interface Line {
  readonly tenant: string;
  readonly event: { readonly id: string; readonly type: string };
}

interface Growing {
  lines: Record<InputStream, string[]>;
  ids: Record<InputStream, Set<string>>;
  evaluations: number;
}

/** Reads the week of flights under `directory`, split by tenant, largest first. */
export async function readWeek(
  directory: string,
  tenants: ReadonlyMap<string, LoadedTenant>,
): Promise<TenantWeek[]> {
  const weeks = new Map<string, Growing>();
  for (const stream of ['user-properties', 'events'] as const) {
    for await (const { text } of readLines(join(directory, FILES[stream]))) {
      const { tenant, event } = JSON.parse(text) as Line;
      const week = weeks.get(tenant) ?? {
        lines: { events: [], 'user-properties': [] },
        ids: { events: new Set(), 'user-properties': new Set() },
        evaluations: 0,
      };
      weeks.set(tenant, week);
      if (stream === 'events' && !week.ids.events.has(event.id))
        week.evaluations += rulesOn(tenants.get(tenant), event.type);
      week.lines[stream].push(JSON.stringify(event));
      week.ids[stream].add(event.id);
    }
  }
  return [...weeks]
    .map(([tenant, week]) => ({ tenant, ...week }))
    .sort((left, right) => right.lines.events.length - left.lines.events.length);
}

function rulesOn(tenant: LoadedTenant | undefined, type: string): number {
  return tenant?.config.rules.filter((rule) => rule.on.includes(type)).length ?? 0;
}

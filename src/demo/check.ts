import { queryTenant } from '../stores/warehouse/parquet/query.js';
import type { TenantWeek } from './week.js';

/** What the warehouse holds of a tenant's week, and whether that is all of it, once. */
export interface TenantCheck {
  readonly tenant: string;
  /** Rows of the week in each table, of whatever run. */
  readonly rows: { readonly events: number; readonly userProperties: number; readonly decisions: number };
  /** Eligible decisions by rule. */
  readonly eligible: Readonly<Record<string, number>>;
  /** What does not add up, in words; empty when all does. */
  readonly problems: readonly string[];
}

/** Compares a tenant's week with its warehouse, id by id. */
export async function checkTenant(root: string, week: TenantWeek): Promise<TenantCheck> {
  const { tenant, ids } = week;
  const column = async (sql: string): Promise<unknown[][]> =>
    (await queryTenant({ root, tenant, sql, maxRows: 10_000_000 })).rows;
  const events = (await column('SELECT id FROM events')).map(([id]) => String(id));
  const properties = (await column('SELECT id FROM user_properties')).map(([id]) => String(id));
  const decisions = (await column('SELECT event_id, rule, outcome FROM decisions')).filter(([event]) =>
    ids.events.has(String(event)),
  );
  const eligible: Record<string, number> = {};
  for (const [, rule, outcome] of decisions) {
    if (outcome === 'eligible') eligible[String(rule)] = (eligible[String(rule)] ?? 0) + 1;
  }
  const ofWeek = {
    events: events.filter((id) => ids.events.has(id)),
    properties: properties.filter((id) => ids['user-properties'].has(id)),
  };
  const problems = [
    ...compare('events', ofWeek.events, ids.events),
    ...compare('user properties', ofWeek.properties, ids['user-properties']),
    ...(decisions.length === week.evaluations
      ? []
      : [`${decisions.length} decisions instead of ${week.evaluations}`]),
  ];
  const rows = {
    events: ofWeek.events.length,
    userProperties: ofWeek.properties.length,
    decisions: decisions.length,
  };
  return { tenant, rows, eligible, problems };
}

function compare(what: string, found: readonly string[], wanted: ReadonlySet<string>): string[] {
  const distinct = new Set(found);
  const problems: string[] = [];
  if (distinct.size < wanted.size) problems.push(`${wanted.size - distinct.size} ${what} missing`);
  if (found.length > distinct.size) problems.push(`${found.length - distinct.size} ${what} twice`);
  return problems;
}

import { INPUT_STREAMS } from '../events/event.js';
import type { UnsentEvents } from '../ingest/unsent-events.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import type { Quarantine } from '../stores/quarantine/quarantine.js';
import type { Table } from '../events/columns.js';
import { liveFiles } from '../stores/warehouse/parquet/compacted-file.js';
import { listStored } from '../stores/warehouse/parquet/files.js';
import { literal, literalList } from '../stores/warehouse/sql.js';
import { readBatchFiles, type DamagedFile, type DayRange, type OnRead } from './batch-files.js';
import { createRules, type ConfiguredRules } from './configured-rules.js';
import { readLeftOut } from './left-out.js';
import type { Workspace } from './workspace.js';
import { DAY_MS, dayOf } from '../platform/time.js';

/** How many there are, and the first of them. */
interface Found<T> {
  readonly count: number;
  readonly first: readonly T[];
}

/** An acknowledged event that the warehouse does not hold. */
interface MissingEvent {
  readonly stream: string;
  /** Null where it was noted without, and is nowhere. */
  readonly source: string | null;
  readonly id: string;
  /** The batch it was in, if that batch's file is still kept. */
  readonly batchId?: string;
}

/** Acknowledged events that the disk has damaged before they were in a batch file; their ids are lost with them. */
interface DamagedEvents {
  readonly stream: string;
  /** The batch they were to be in. */
  readonly batchId: string;
  readonly events: number;
}

/** An event that has more than one row in the warehouse's files. */
interface DoubledEvent {
  readonly stream: string;
  readonly source: string;
  readonly id: string;
  readonly rows: number;
  /** One batch: it was loaded twice. Several: the event was taken in twice, as happens past the dedupe window. */
  readonly batchIds: readonly string[];
}

/** A decision that is not there although the warehouse holds its event. */
interface MissingDecision {
  readonly eventId: string;
  readonly rule: string;
  readonly batchId: string;
}

/**
 * A decision that is there more than once: whatever the rule's version among those made when the event came, which are of
 * its own batch; under the same version where a replay has decided again.
 */
interface DoubledDecision {
  readonly eventId: string;
  readonly rule: string;
  readonly rows: number;
}

/** What an audit found out about one tenant. */
export interface TenantAudit {
  readonly tenant: string;
  /** Distinct events that were acknowledged. */
  readonly acknowledged: number;
  /** Those of them that are in a kept batch file. */
  readonly inBatchFiles: number;
  /** Those of them that are in the warehouse. */
  readonly inWarehouse: number;
  /** Without those that are left out. */
  readonly missing: Found<MissingEvent>;
  /** Events that no load can take: dead letters of the subscription `warehouse`. */
  readonly leftOut: Found<MissingEvent>;
  /** By batch; `count` is of events. */
  readonly damaged: Found<DamagedEvents>;
  /** By stream; `count` is of events. They were still in the spool of this data directory when the audit began. */
  readonly unsent: Found<UnsentEvents>;
  /** Kept batch files that are damaged; their events are in no other number here, unless the warehouse holds them. */
  readonly damagedFiles: Found<DamagedFile>;
  readonly doubled: Found<DoubledEvent>;
  /** Decisions that the events in the warehouse must have, by the rules that were configured when they came. */
  readonly decisionsExpected: number;
  readonly decisionsMissing: Found<MissingDecision>;
  readonly decisionsDoubled: Found<DoubledDecision>;
}

/** What {@link auditTenant} needs. */
export interface TenantAuditOptions {
  readonly workspace: Workspace;
  readonly tenant: string;
  /** What it has been configured with, in any order; without it no decision is expected. */
  readonly configured: readonly ConfiguredRules[];
  readonly batchStore: Pick<BatchStore, 'list' | 'localFiles' | 'open'>;
  readonly warehouseRoot: string;
  readonly quarantine: Pick<Quarantine, 'listLost' | 'lost'>;
  /** What the spool holds of the tenant that is in no batch. */
  readonly unsent: readonly UnsentEvents[];
  /** True when the table `given` says what was acknowledged; otherwise the kept batch files do. */
  readonly given: boolean;
  readonly days: DayRange;
  /** How many of what is missing or doubled are named. */
  readonly show: number;
  readonly onRead: OnRead;
}

/** Compares what a tenant has been promised with what its warehouse holds. */
export async function auditTenant(options: TenantAuditOptions): Promise<TenantAudit> {
  const { workspace, tenant, show } = options;
  const files = await prepare(options);
  const { count } = workspace;
  const toMissing = ([stream, source, id, batchId]: unknown[]): MissingEvent => ({
    stream: String(stream),
    source: source === null ? null : String(source),
    id: String(id),
    ...(batchId !== null && { batchId: String(batchId) }),
  });
  const named = async <T>(sql: string, order: string, toFound: (row: unknown[]) => T): Promise<Found<T>> => ({
    count: await count(`SELECT count(*) FROM (${sql})`),
    first: (await workspace.rows(`${sql} ORDER BY ${order} LIMIT ${show}`)).map(toFound),
  });
  return {
    tenant,
    acknowledged: await count('SELECT count(*) FROM acknowledged'),
    inBatchFiles: await count('SELECT count(*) FROM acknowledged SEMI JOIN filed USING (stream, source, id)'),
    inWarehouse: await count('SELECT count(*) FROM acknowledged SEMI JOIN stored USING (stream, source, id)'),
    missing: await named(unstored('ANTI'), 'ALL', toMissing),
    leftOut: await named(unstored('SEMI'), 'ALL', toMissing),
    damaged: await damagedOf(options),
    unsent: unsentOf(options),
    damagedFiles: { count: files.length, first: files.slice(0, show) },
    doubled: await named(DOUBLED, 'stream, source, id', ([stream, source, id, rows, batchIds]) => ({
      stream: String(stream),
      source: String(source),
      id: String(id),
      rows: Number(rows),
      batchIds: (batchIds as unknown[]).map(String),
    })),
    decisionsExpected: await count('SELECT count(*) FROM expected'),
    decisionsMissing: await named(DECISIONS_MISSING, 'ALL', ([eventId, rule, batchId]) => ({
      eventId: String(eventId),
      rule: String(rule),
      batchId: String(batchId),
    })),
    decisionsDoubled: await named(DECISIONS_DOUBLED, 'ALL', ([eventId, rule, rows]) => ({
      eventId: String(eventId),
      rule: String(rule),
      rows: Number(rows),
    })),
  };
}

/** They will be in batches of this day or later. */
function unsentOf({ unsent, days: { to } }: TenantAuditOptions): Found<UnsentEvents> {
  const first = unsent.filter(({ oldestReceipt }) => to === undefined || oldestReceipt.slice(0, 10) <= to);
  return { count: first.reduce((sum, { events }) => sum + events, 0), first };
}

async function damagedOf({
  quarantine,
  tenant,
  days,
  show,
}: TenantAuditOptions): Promise<Found<DamagedEvents>> {
  const found: DamagedEvents[] = [];
  for (const stream of INPUT_STREAMS) {
    for await (const name of quarantine.listLost({ tenant, stream, ...days })) {
      const { events = 0 } = (await quarantine.lost(name)) ?? {};
      found.push({ stream, batchId: name.batchId, events });
    }
  }
  const count = found.reduce((sum, { events }) => sum + events, 0);
  return { count, first: found.slice(0, show) };
}

/** What is acknowledged and not stored: of the events that are left out (`SEMI`), or of the others. */
const unstored = (leftOut: 'SEMI' | 'ANTI'): string => `SELECT stream, source, id, min(batch_id) AS batch_id
  FROM (SELECT * FROM acknowledged ANTI JOIN stored USING (stream, source, id)
      ${leftOut} JOIN left_out USING (stream, source, id))
    LEFT JOIN filed USING (stream, source, id)
  GROUP BY stream, source, id`;
const DOUBLED = `SELECT stream, source, id, count(*), list(DISTINCT batch_id ORDER BY batch_id)
  FROM stored GROUP BY stream, source, id HAVING count(*) > 1`;
/** Decisions of version 0.1.0 do not say the source: they count for an event of the id. */
const DECISIONS_MISSING = `SELECT event_id, rule, batch_id FROM expected
  ANTI JOIN decided USING (event_id, event_source, rule)
  ANTI JOIN (SELECT event_id, rule FROM decided WHERE event_source IS NULL) AS unsourced USING (event_id, rule)`;
const DECISIONS_DOUBLED = `SELECT event_id, rule, max(of_them) FROM (
    SELECT event_id, rule, count(*) AS of_them
    FROM decided SEMI JOIN (SELECT batch_id FROM stored WHERE stream = 'events') USING (batch_id)
    GROUP BY event_id, event_source, rule
    UNION ALL
    SELECT event_id, rule, count(*) AS of_them FROM decided GROUP BY event_id, event_source, rule, id
  ) WHERE of_them > 1 GROUP BY event_id, rule`;

/** Makes the relations that the comparison is over: acknowledged, filed, stored, expected, decided. */
async function prepare(options: TenantAuditOptions): Promise<DamagedFile[]> {
  const { workspace, tenant, configured, batchStore, days, given, onRead } = options;
  const damaged = await readBatchFiles(workspace, batchStore, tenant, days, onRead);
  await readLeftOut(options);
  const stored = [
    await tableRows(options, 'events', `'events' AS stream, source, id, type, batch_id, received_at`),
    await tableRows(
      options,
      'user_properties',
      `'user-properties' AS stream, source, id, type, batch_id, received_at`,
    ),
  ];
  await workspace.run(`CREATE OR REPLACE VIEW stored AS ${stored.join(' UNION ALL ')}`);
  await workspace.run(`CREATE OR REPLACE TABLE acknowledged AS ${given ? acknowledgedBy(tenant) : FILED}`);
  await workspace.run(
    `CREATE OR REPLACE VIEW decided AS ${await tableRows(options, 'decisions', 'id, event_id, event_source, rule, batch_id')}`,
  );
  await createRules(workspace, configured);
  await workspace.run(`CREATE OR REPLACE VIEW expected AS
    SELECT id AS event_id, source AS event_source, rule, min(batch_id) AS batch_id
    FROM (SELECT * FROM stored SEMI JOIN acknowledged USING (stream, source, id) WHERE stream = 'events')
      JOIN rules USING (type)
    WHERE epoch_ms(CAST(received_at AS TIMESTAMPTZ)) >= since AND epoch_ms(CAST(received_at AS TIMESTAMPTZ)) < until
    GROUP BY source, id, rule`);
  return damaged;
}

const FILED = 'SELECT DISTINCT stream, source, id FROM filed';

/** What was noted; where that says no source, of whatever source there are events of the id. */
function acknowledgedBy(tenant: string): string {
  const noted = `(SELECT stream, source, id FROM given WHERE tenant = ${literal(tenant)})`;
  return `SELECT stream, source, id FROM ${noted} WHERE source IS NOT NULL
    UNION SELECT stream, found.source, id FROM (SELECT stream, id FROM ${noted} WHERE source IS NULL)
      LEFT JOIN (${FILED} UNION SELECT stream, source, id FROM stored) AS found USING (stream, id)`;
}

/** The rows of a table as they are in its files, each as often as it is there, of batches made in the range of days. */
async function tableRows(
  { workspace, warehouseRoot, tenant, days }: TenantAuditOptions,
  table: Table,
  select: string,
): Promise<string> {
  const listed = await listStored(warehouseRoot, tenant, table, dayBefore(days.from));
  const files = await liveFiles((sql) => workspace.rows(sql), listed);
  const columns =
    'source VARCHAR, id VARCHAR, type VARCHAR, batch_id VARCHAR, event_id VARCHAR, event_source VARCHAR, rule VARCHAR, received_at TIMESTAMPTZ';
  const nothing = columns.replaceAll(/(\w+) (\w+)/g, 'CAST(NULL AS $2) AS $1');
  if (files.length === 0) return `SELECT ${select} FROM (SELECT ${nothing}) WHERE false`;
  const conditions = [
    ...(days.from === undefined ? [] : [`substr(batch_id, 1, 8) >= ${compact(days.from)}`]),
    ...(days.to === undefined ? [] : [`substr(batch_id, 1, 8) <= ${compact(days.to)}`]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  // Files of version 0.1.0 have no event_source.
  const all = `SELECT * FROM read_parquet(${literalList(files)}, union_by_name = true, hive_partitioning = false)`;
  return `SELECT ${select} FROM (${all} UNION ALL BY NAME SELECT ${nothing} WHERE false)${where}`;
}

/** A batch is loaded on its day or later; around midnight its load may have the name of the day before. */
function dayBefore(day: string | undefined): string | undefined {
  return day === undefined ? undefined : dayOf(Date.parse(day) - DAY_MS);
}

/** Batch ids begin with their day as `YYYYMMDD`. */
function compact(day: string): string {
  return literal(day.replaceAll('-', ''));
}

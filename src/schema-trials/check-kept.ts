import { INPUT_STREAMS, type EventRow, type InputStream } from '../events/event.js';
import { textLines } from '../events/ndjson.js';
import { openIfThere, type BatchStore } from '../stores/batch-store/batch-store.js';
import { isCopy } from '../tenants/ids.js';
import type { EventSchema, EventSchemas, SchemaProblem } from '../event-schemas/event-schemas.js';
import type { EventSchemaConfig } from '../event-schemas/schema-config.js';
import { dayOf } from '../platform/time.js';

/** A kept event that does not fit its schema. */
interface KeptProblem extends SchemaProblem {
  readonly id: string;
  readonly stream: InputStream;
  readonly batchId: string;
}

/** How the kept events of a schema fare under it. */
export interface SchemaTally extends Pick<EventSchemaConfig, 'type' | 'dataschema' | 'mode'> {
  readonly passed: number;
  readonly failed: number;
  /** The first of those that fail, by stream and batch. */
  readonly problems: readonly KeptProblem[];
}

/** How a tenant's kept events fare under some schemas. */
export interface KeptCheck {
  /** Events received in the range. */
  readonly events: number;
  /** Those of them that have no schema. */
  readonly withoutSchema: number;
  /** Batch files that could not be read: damaged, or deleted meanwhile. */
  readonly unreadable: number;
  /** In the order of the tenant's file. */
  readonly schemas: readonly SchemaTally[];
}

/** What {@link checkKept} looks at. */
export interface CheckKeptOptions {
  readonly store: Pick<BatchStore, 'list' | 'open'>;
  readonly tenant: string;
  readonly schemas: EventSchemas;
  /** Receipt, milliseconds since the epoch: from this one on. */
  readonly from: number;
  /** Up to this one, which is not included. */
  readonly to: number;
  /** How many problems to keep of each schema. */
  readonly show: number;
}

interface Tally {
  passed: number;
  failed: number;
  readonly problems: KeptProblem[];
}

/** Checks a tenant's kept events against schemas whatever their mode, and changes nothing. One batch file is in memory at a time. */
export async function checkKept(options: CheckKeptOptions): Promise<KeptCheck> {
  const { store, tenant, schemas, from } = options;
  const tallies = new Map<EventSchema, Tally>(
    schemas.list.map((schema) => [schema, { passed: 0, failed: 0, problems: [] }]),
  );
  const counts = { events: 0, withoutSchema: 0, unreadable: 0 };
  for (const stream of INPUT_STREAMS) {
    // A batch is never made before its events come, but maybe the day after.
    for await (const name of store.list({ tenant, stream, from: dayOf(Math.max(0, from)) })) {
      if (isCopy(name.batchId)) continue;
      const opened = await openIfThere(store, name);
      if (opened === undefined) counts.unreadable++;
      else checkBatch(options, { stream, batchId: name.batchId }, textLines(opened.ndjson), counts, tallies);
    }
  }
  return {
    ...counts,
    schemas: [...tallies].map(([{ config }, tally]) => {
      const { type, dataschema, mode } = config;
      return { type, dataschema, mode, ...tally };
    }),
  };
}

function checkBatch(
  { schemas, from, to, show }: CheckKeptOptions,
  batch: Pick<KeptProblem, 'stream' | 'batchId'>,
  lines: readonly string[],
  counts: { events: number; withoutSchema: number },
  tallies: ReadonlyMap<EventSchema, Tally>,
): void {
  for (const line of lines) {
    if (line === '') continue;
    const event = JSON.parse(line) as EventRow;
    const received = Date.parse(event.received_at);
    if (received < from || received >= to) continue;
    counts.events++;
    const schema = schemas.find(event);
    const tally = schema && tallies.get(schema);
    if (schema === undefined || tally === undefined) {
      counts.withoutSchema++;
      continue;
    }
    const problem = schema.problemOf(event);
    if (problem === undefined) tally.passed++;
    else if (++tally.failed <= show) tally.problems.push({ id: event.id, ...batch, ...problem });
  }
}

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { DecisionRow, EventRow, Stream } from '../../../src/events/event.js';
import { createParquetWarehouse } from '../../../src/stores/warehouse/parquet/parquet.js';
import { queryTenant } from '../../../src/stores/warehouse/parquet/query.js';
import type { LoadBatch, LoadInput, Warehouse } from '../../../src/stores/warehouse/warehouse.js';

/** A batch id made on 10 March 2024, or on the `yyyymmdd` given. */
export function batchId(sequence: number, day = '20240310'): string {
  return `${day}-0123abcd-${String(sequence).padStart(9, '0')}`;
}

export function event(id: string, more: Partial<EventRow> = {}): EventRow {
  return {
    specversion: '1.0',
    id,
    source: '/test',
    type: 'thing.happened',
    time: '2024-03-10T12:00:00Z',
    subject: 's1',
    data: { n: 1 },
    received_at: '2024-03-10T12:00:01.000Z',
    ...more,
  };
}

export function decision(id: string, more: Partial<DecisionRow> = {}): DecisionRow {
  return {
    id,
    event_id: 'e1',
    event_source: '/test',
    subject: 's1',
    rule: 'late',
    rule_version: '1',
    outcome: 'eligible',
    reason: 'delay 200 >= 180',
    time: '2024-03-10T12:00:00Z',
    ...more,
  };
}

/** A warehouse in a directory of its own, and the batch files that go into it. */
export class Fixture {
  readonly dir: string;
  readonly root: string;
  warehouse: Warehouse;

  /** @param open opens the warehouse; default: Parquet in `root` */
  constructor(
    name = 'headgate-warehouse-',
    private readonly open: (fixture: Fixture) => Warehouse = ({ root }) => createParquetWarehouse({ root }),
  ) {
    this.dir = mkdtempSync(join(tmpdir(), name));
    this.root = join(this.dir, 'warehouse');
    this.warehouse = open(this);
  }

  async close(): Promise<void> {
    await this.warehouse.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The warehouse as a new process finds it: nothing cached. */
  async restart(): Promise<void> {
    await this.warehouse.close();
    this.warehouse = this.open(this);
  }

  /** Writes a batch file; a string is a line as it is. */
  batch(id: string, rows: readonly (EventRow | DecisionRow | string)[]): LoadBatch {
    mkdirSync(join(this.dir, 'batches'), { recursive: true });
    const path = join(this.dir, 'batches', `${id}.ndjson.gz`);
    const lines = rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`);
    writeFileSync(path, gzipSync(lines.join('')));
    return { batchId: id, path, rows: rows.length };
  }

  load(loadId: string, batches: readonly LoadBatch[], more: Partial<LoadInput> = {}) {
    return this.warehouse.load({
      tenant: 'UA',
      stream: 'events',
      loadId,
      day: '2024-03-10',
      loadedAt: '2024-03-10T12:00:05.000Z',
      batches,
      ...more,
    });
  }

  /** Loads rows as a batch and a load of their own. */
  async put(
    sequence: number,
    rows: readonly (EventRow | DecisionRow)[],
    stream: Stream = 'events',
    tenant = 'UA',
  ) {
    const loadedAt = new Date(Date.parse('2024-03-10T12:00:05Z') + sequence * 1000).toISOString();
    return this.load(`load-${sequence}`, [this.batch(batchId(sequence), rows)], { stream, tenant, loadedAt });
  }

  async rows(sql: string, tenant = 'UA'): Promise<unknown[][]> {
    return (await queryTenant({ root: this.root, tenant, sql })).rows;
  }

  /** Everything under a tenant's directory, as relative paths of files. */
  files(tenant = 'UA'): string[] {
    const entries = readdirSync(join(this.root, tenant), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(this.root, tenant).length + 1))
      .sort();
  }
}

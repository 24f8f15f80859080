import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Stream } from '../../src/events/event.js';
import { createParquetWarehouse } from '../../src/stores/warehouse/parquet/parquet.js';

const gzipAsync = promisify(gzip);
/** The cheapest level, as what is written is read once and deleted. */
const GZIP_LEVEL = 1;

/** Some rows, as NDJSON. */
export interface Lines {
  readonly ndjson: Buffer;
  readonly rows: number;
}

interface Collected {
  readonly events: Lines[];
  readonly decisions: Lines[];
}

/** Collects NDJSON in memory, as bytes so that no garbage collection goes over it, and, at every flush, makes one Parquet file of it per tenant and table. */
export class ParquetSink {
  private readonly warehouse: ReturnType<typeof createParquetWarehouse>;
  private readonly folder: string;
  private collected = new Map<string, Collected>();
  private batches = 0;

  constructor(dataDir: string) {
    this.warehouse = createParquetWarehouse({ root: join(dataDir, 'warehouse') });
    this.folder = join(dataDir, 'batches');
  }

  /** Takes events and the decisions on them. */
  add(tenant: string, events: Lines, decisions: Lines): void {
    let collected = this.collected.get(tenant);
    if (collected === undefined) this.collected.set(tenant, (collected = { events: [], decisions: [] }));
    collected.events.push(events);
    collected.decisions.push(decisions);
  }

  /** Makes Parquet files of what has been added so far. */
  async flush(): Promise<void> {
    const { collected } = this;
    this.collected = new Map();
    await mkdir(this.folder, { recursive: true });
    for (const [tenant, { events, decisions }] of collected) {
      await Promise.all([this.load(tenant, 'events', events), this.load(tenant, 'decisions', decisions)]);
    }
  }

  /** Waits for loads under way. */
  close(): Promise<void> {
    return this.warehouse.close();
  }

  private async load(tenant: string, stream: Stream, lines: readonly Lines[]): Promise<void> {
    const loadedAt = new Date().toISOString();
    const day = loadedAt.slice(0, 10);
    const number = (this.batches++).toString(36).padStart(9, '0');
    const batchId = `${day.replaceAll('-', '')}-00000000-${number}`;
    const path = join(this.folder, `${batchId}.ndjson.gz`);
    const ndjson = Buffer.concat(lines.map((each) => each.ndjson));
    const rows = lines.reduce((sum, each) => sum + each.rows, 0);
    await writeFile(path, await gzipAsync(ndjson, { level: GZIP_LEVEL }));
    await this.warehouse.load({
      tenant,
      stream,
      loadId: batchId,
      day,
      loadedAt,
      batches: [{ batchId, path, rows }],
    });
    await rm(path);
  }
}

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Stream } from '../../src/event.js';
import { createParquetWarehouse } from '../../src/stores/warehouse/parquet.js';

const gzipAsync = promisify(gzip);
/** The cheapest level, as what is written is read once and deleted. */
const GZIP_LEVEL = 1;

interface Collected {
  events: Buffer[];
  decisions: Buffer[];
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
  add(tenant: string, events: Buffer, decisions: string): void {
    let collected = this.collected.get(tenant);
    if (collected === undefined) this.collected.set(tenant, (collected = { events: [], decisions: [] }));
    collected.events.push(events);
    collected.decisions.push(Buffer.from(decisions));
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

  private async load(tenant: string, stream: Stream, ndjson: readonly Buffer[]): Promise<void> {
    const loadedAt = new Date().toISOString();
    const day = loadedAt.slice(0, 10);
    const number = (this.batches++).toString(36).padStart(9, '0');
    const batchId = `${day.replaceAll('-', '')}-00000000-${number}`;
    const path = join(this.folder, `${batchId}.ndjson.gz`);
    await writeFile(path, await gzipAsync(Buffer.concat(ndjson), { level: GZIP_LEVEL }));
    await this.warehouse.load({
      tenant,
      stream,
      loadId: batchId,
      day,
      loadedAt,
      batches: [{ batchId, path }],
    });
    await rm(path);
  }
}

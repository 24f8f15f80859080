import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

const TABLES = ['events', 'decisions'] as const;
type Table = (typeof TABLES)[number];

const LOOK_EVERY_MS = 500;
/** A warehouse that gets no new row for this long is taken to be done, or stuck. */
const STUCK_AFTER_MS = 90_000;
const FILES_AT_ONCE = 500;

/** What the Parquet files hold, duplicates counted. */
export interface ParquetCount {
  readonly events: number;
  readonly decisions: number;
  /** When the last file appeared, milliseconds since the epoch; 0 when there is none. */
  readonly lastAt: number;
}

/** Rows in the files, for the final account. Events that Headgate has derived itself, as alerts, do not count. */
export interface ParquetAudit extends ParquetCount {
  readonly distinctEvents: number;
  /** Distinct event ids among the decisions. */
  readonly decidedEvents: number;
}

/** Quantiles of the time from an event's POST until its row could be read, in milliseconds. */
export interface Freshness {
  readonly rows: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface ParquetFile {
  readonly path: string;
  readonly table: Table;
  /** When it was renamed into place, milliseconds since the epoch: a rename sets the inode's change time. */
  readonly at: number;
}

/**
 * Reads a warehouse from outside, file by file, with nothing of Headgate's. When a file appeared is read from the file
 * system afterwards, so that nobody has to watch closely while the two cores are busy.
 */
export class ParquetReader {
  private readonly files = new Map<string, ParquetFile>();
  private readonly rows: Record<Table, number> = { events: 0, decisions: 0 };
  private lastAt = 0;

  private constructor(
    private readonly root: string,
    private readonly counts: (tenant: string) => boolean,
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
  ) {}

  /**
   * @param root the directory above the tenants' directories
   * @param counts whether a tenant's files count; default: all tenants' do
   */
  static async open(root: string, counts: (tenant: string) => boolean = () => true): Promise<ParquetReader> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    return new ParquetReader(root, counts, instance, await instance.connect());
  }

  /** Counts rows by the footers of files that are new since the last call. */
  async count(): Promise<ParquetCount> {
    for (const table of TABLES) {
      const fresh = this.newFiles(table);
      for (let at = 0; at < fresh.length; at += FILES_AT_ONCE) {
        const paths = fresh.slice(at, at + FILES_AT_ONCE).map(({ path }) => path);
        this.rows[table] += await this.number(
          `SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata(${list(paths)})`,
        );
      }
      for (const file of fresh) {
        this.files.set(file.path, file);
        this.lastAt = Math.max(this.lastAt, file.at);
      }
    }
    return { ...this.rows, lastAt: this.lastAt };
  }

  /**
   * Waits until the files hold at least `events` events and as many decisions, or nothing new comes any more.
   * @param onLook told what is there at every look; may throw to end the wait
   */
  async until(events: number, onLook: (count: ParquetCount) => void): Promise<ParquetCount> {
    let changedAt = performance.now();
    for (let before = -1; ;) {
      const count = await this.count();
      onLook(count);
      if (count.events >= events && count.decisions >= events) return count;
      if (count.events + count.decisions !== before) changedAt = performance.now();
      else if (performance.now() - changedAt > STUCK_AFTER_MS) return count;
      before = count.events + count.decisions;
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Reads all ids. */
  async audit(): Promise<ParquetAudit> {
    const count = await this.count();
    const sent = (counted: string): Promise<number> =>
      this.overFiles(
        'events',
        (files) => `SELECT count(${counted}) FROM read_parquet(${files}) WHERE type NOT LIKE 'headgate.%'`,
      );
    return {
      ...count,
      events: await sent('*'),
      distinctEvents: await sent('DISTINCT id'),
      decidedEvents: await this.overFiles(
        'decisions',
        (files) => `SELECT count(DISTINCT event_id) FROM read_parquet(${files})`,
      ),
    };
  }

  /**
   * How long rows took from their event's time, which the load generator sets to the time of the POST.
   * @param from only events of this time and later, milliseconds since the epoch
   * @param tenants only these
   */
  async freshness(from: number, tenants?: readonly string[]): Promise<Freshness> {
    const wanted = [...this.files.values()].filter(
      ({ path, table }) =>
        table === 'events' && (tenants === undefined || tenants.some((each) => path.includes(`/${each}/`))),
    );
    if (wanted.length === 0) return { rows: 0, p50: 0, p99: 0, max: 0 };
    const values = wanted.map(({ path, at }) => `(${literal(path)}, ${at})`);
    const reader = await this.connection.runAndReadAll(`
      SELECT count(*), quantile_cont(took, [0.5, 0.99]), max(took) FROM (
        SELECT file.appeared - epoch_ms(time) AS took
        FROM read_parquet(${list(wanted.map(({ path }) => path))}, filename = true, hive_partitioning = false) AS row
        JOIN (VALUES ${values.join()}) AS file(path, appeared) ON row.filename = file.path
        WHERE epoch_ms(time) >= ${from})`);
    const [rows, quantiles, max] = reader.getRowsJS()[0] as [bigint, number[] | null, number | null];
    const [p50 = 0, p99 = 0] = quantiles ?? [];
    return {
      rows: Number(rows),
      p50: Math.round(p50),
      p99: Math.round(p99),
      max: Math.round(Number(max ?? 0)),
    };
  }

  /** Releases DuckDB. */
  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  private newFiles(table: Table): ParquetFile[] {
    return entries(this.root)
      .filter(this.counts)
      .flatMap((tenant) => {
        const directory = join(this.root, tenant, table);
        return entries(directory).flatMap((day) =>
          entries(join(directory, day)).map((name) => join(directory, day, name)),
        );
      })
      .filter((path) => path.endsWith('.parquet') && !this.files.has(path))
      .map((path) => ({ path, table, at: Math.round(statSync(path).ctimeMs) }));
  }

  private async overFiles(table: Table, sql: (files: string) => string): Promise<number> {
    const paths = [...this.files.values()].filter((file) => file.table === table).map(({ path }) => path);
    return paths.length === 0 ? 0 : this.number(sql(`${list(paths)}, hive_partitioning = false`));
  }

  private async number(sql: string): Promise<number> {
    return Number((await this.connection.runAndReadAll(sql)).getRowsJS()[0]?.[0] ?? 0);
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Not there yet.
    return [];
  }
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function list(paths: readonly string[]): string {
  return `[${paths.map(literal).join()}]`;
}

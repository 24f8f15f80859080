import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from 'lmdb';
import type { Stream } from '../../events/event.js';
import { openLmdb, removeAll, type LmdbEnvironment } from '../../platform/lmdb-environment.js';
import { DAY_MS, dayOf } from '../../platform/time.js';
import { assertTenantId } from '../../tenants/ids.js';
import { addFigures, type Figures, type UsageTotal } from './figures.js';
import { begunAt, FILE_MS } from './journal.js';
import { readLine, type UsageLine } from './lines.js';
import { namesIfThere } from '../../platform/read-if-there.js';

/** Tenant, day, stream, subscription; empty where there is none. */
type TotalKey = [tenant: string, day: string, stream: string, subscription: string];

/** Where {@link UsageLedger} keeps and finds what it needs. */
export interface UsagePaths {
  /** Of the ledger. */
  readonly ledger: string;
  /** Of the journals of all processes. */
  readonly journals: string;
}

/** Something that a tenant is told by an event. */
export interface Note {
  /** Since when it is so: it names the batch of the event, the same in every attempt. Milliseconds since the epoch. */
  readonly since: number;
  /** True once Temporal has the event. */
  readonly told: boolean;
}

/** Days that names of what was counted are remembered: a retry comes within them, or counts again. */
const NAMES_KEPT_DAYS = 3;
/** Bytes of a journal that are folded in one transaction. */
const PIECE_BYTES = 1024 * 1024;
/** A file is complete when its process has begun another, or has not come to write to it for this long. */
const COMPLETE_AFTER_MS = 2 * FILE_MS;
/** After every text of a day, a stream or a name. */
const LAST = '\u{10ffff}';

/**
 * What was counted, by tenant, day, stream and subscription. Journals are folded into it piece by piece: totals, names of
 * what was counted and how far the file was read are one transaction, so that a crash folds nothing twice and leaves
 * nothing out. One process at a time has it open: the one that holds the spool.
 */
export class UsageLedger {
  private readonly lmdb: LmdbEnvironment;
  private readonly totals: Database<Figures, TotalKey>;
  /** By the day that it was folded on, and its print. */
  private readonly names: Database<true, [day: string, print: string]>;
  /** By file name, bytes of it that are folded. */
  private readonly read: Database<number, string>;
  /** By tenant, what it is about, and the day or month. */
  private readonly notes: Database<Note, [tenant: string, what: string, period: string]>;

  constructor(
    private readonly paths: UsagePaths,
    private readonly now: () => number = Date.now,
  ) {
    this.lmdb = openLmdb(paths.ledger, { encoding: 'json' });
    const { root } = this.lmdb;
    this.totals = root.openDB({ name: 'totals' });
    this.names = root.openDB({ name: 'names' });
    this.read = root.openDB({ name: 'read' });
    this.notes = root.openDB({ name: 'notes' });
  }

  /**
   * Folds what the journals have had since the last time.
   * @returns tenants that have more than before
   * @throws HeadgateError `DISK_FULL` (retryable)
   */
  async fold(): Promise<ReadonlySet<string>> {
    const changed = new Set<string>();
    for (const name of await this.journals()) await this.foldFile(name, changed);
    return changed;
  }

  /** What was counted of a tenant from one day through another, in order of day, stream and subscription. */
  *of(tenant: string, from: string, through: string): Iterable<UsageTotal> {
    const range = { start: [assertTenantId(tenant), from] as never, end: [tenant, through, LAST] as never };
    for (const { key, value } of this.totals.getRange(range)) {
      const [, day, stream, subscription] = key;
      yield {
        tenant,
        day,
        ...(stream !== '' && { stream: stream as Stream }),
        ...(subscription !== '' && { subscription }),
        figures: value,
      };
    }
  }

  /** Tenants of which something was counted. */
  *tenants(): Iterable<string> {
    let after: string | undefined;
    for (;;) {
      // From the first key behind those of the tenant before.
      const start = after === undefined ? undefined : ([after, LAST] as never);
      const [next] = [...this.totals.getKeys({ start, limit: 1 })];
      if (next === undefined) return;
      [after] = next;
      yield after;
    }
  }

  /** What was noted of something that a tenant is to be told once in a period. */
  noteOf(tenant: string, what: string, period: string): Note | undefined {
    return this.notes.get([tenant, what, period]);
  }

  /** Notes it, durably. @throws HeadgateError `DISK_FULL` (retryable) */
  async note(tenant: string, what: string, period: string, note: Note): Promise<void> {
    await this.lmdb.flushed(() => this.notes.put([assertTenantId(tenant), what, period], note), ONE_RECORD);
  }

  /** Deletes totals of days before `day`, and names that are remembered for long enough. */
  async expire(day: string): Promise<void> {
    const oldTotals = [...this.totals.getKeys()].filter(([, of]) => of < day);
    await removeAll(this.lmdb, this.totals, oldTotals);
    const before = dayOf(this.now() - (NAMES_KEPT_DAYS - 1) * DAY_MS);
    await removeAll(this.lmdb, this.names, [...this.names.getKeys({ end: [before] as never })]);
    const oldNotes = [...this.notes.getKeys()].filter(([, , period]) => period < day.slice(0, period.length));
    await removeAll(this.lmdb, this.notes, oldNotes);
  }

  /** Forgets all of a tenant; what its journals hold is folded first. No process may write to them. */
  async forgetTenant(tenant: string): Promise<void> {
    await this.fold();
    const range = { start: [assertTenantId(tenant)] as never, end: [tenant, LAST] as never };
    await removeAll(this.lmdb, this.totals, [...this.totals.getKeys(range)]);
    await removeAll(this.lmdb, this.notes, [...this.notes.getKeys(range)]);
    for (const name of await this.journals()) await this.deleteFile(name);
  }

  /** Flushes and closes. */
  async close(): Promise<void> {
    await this.lmdb.close();
  }

  private async journals(): Promise<string[]> {
    const names = await namesIfThere(this.paths.journals);
    return names.filter((name) => begunAt(name) !== undefined).sort();
  }

  private async foldFile(name: string, changed: Set<string>): Promise<void> {
    let offset = this.read.get(name) ?? 0;
    const file = await open(join(this.paths.journals, name), 'r');
    try {
      const piece = Buffer.alloc(PIECE_BYTES);
      for (;;) {
        const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, offset);
        // A line that is being written is read the next time.
        const end = piece.subarray(0, bytesRead).lastIndexOf('\n') + 1;
        if (end === 0) break;
        const lines = piece.toString('utf8', 0, end).split('\n').slice(0, -1);
        offset += end;
        await this.foldLines(name, offset, lines, changed);
      }
    } finally {
      await file.close();
    }
    if (this.now() - (begunAt(name) ?? 0) > COMPLETE_AFTER_MS) await this.deleteFile(name);
  }

  private async foldLines(
    name: string,
    offset: number,
    lines: readonly string[],
    changed: Set<string>,
  ): Promise<void> {
    const today = dayOf(this.now());
    const prints = new Set<string>();
    const totals = new Map<string, { readonly key: TotalKey; figures: Figures }>();
    for (const text of lines) {
      const line = readLine(text);
      if (line === undefined || (line.print !== undefined && this.isKnown(line.print, prints))) continue;
      if (line.print !== undefined) prints.add(line.print);
      const key = keyOf(line);
      const id = key.join('/');
      const before = totals.get(id)?.figures ?? this.totals.get(key) ?? {};
      totals.set(id, { key, figures: addFigures(before, line.figures) });
      changed.add(line.tenant);
    }
    const put = (): Promise<unknown> =>
      this.lmdb.root.batch(() => {
        for (const { key, figures } of totals.values()) void this.totals.put(key, figures);
        for (const print of prints) void this.names.put([today, print], true);
        void this.read.put(name, offset);
      });
    const records = totals.size + prints.size + 1;
    await this.lmdb.flushed(put, { records, bytes: totals.size * 400 + prints.size * 60 });
  }

  private isKnown(print: string, prints: ReadonlySet<string>): boolean {
    if (prints.has(print)) return true;
    const now = this.now();
    for (let ago = 0; ago < NAMES_KEPT_DAYS; ago++)
      if (this.names.get([dayOf(now - ago * DAY_MS), print]) === true) return true;
    return false;
  }

  private async deleteFile(name: string): Promise<void> {
    await rm(join(this.paths.journals, name), { force: true });
    await removeAll(this.lmdb, this.read, [name]);
  }
}

const ONE_RECORD = { records: 1, bytes: 200 };

function keyOf({ tenant, day, stream, subscription }: UsageLine): TotalKey {
  return [tenant, day, stream ?? '', subscription ?? ''];
}

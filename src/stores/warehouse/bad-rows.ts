import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { messageOf } from '../../errors.js';
import { joinLines, octetLines } from '../../events/ndjson.js';
import type { Engine } from './engine.js';
import { selectStatement } from './select.js';
import type { BadRow, BadRows, LoadBatch, LoadInput } from './warehouse.js';

const inflate = promisify(gunzip);
const deflate = promisify(gzip);

/**
 * Beyond this number of bad rows in a load, a part that has one is taken as bad as a whole: looking on would take minutes.
 * Where what was left out is loaded again, its good rows come in.
 */
const MAX_FOUND = 500;

/** Parts so small are not halved any more, but looked at row by row: fewer attempts where bad rows lie close together. */
const MIN_HALVED = 4;

/** Names of DuckDB's errors that are of what it reads. Those of files, memory and interruption are none of a row. */
const OF_DATA = /^(Invalid Input|Conversion|Out of Range) Error: /;

/**
 * Makes an attempt to load, and another without the rows that cannot be loaded, if the first fails for its data and the
 * input says what becomes of such rows. They are reported before the second attempt, in which their batches are files
 * without them.
 * @param attempt loads batches; told how many rows of them were left out
 */
export async function withoutBadRows<T>(
  engine: Engine,
  input: LoadInput,
  batches: readonly LoadBatch[],
  attempt: (batches: readonly LoadBatch[], leftOut: readonly BadRows[]) => Promise<T>,
): Promise<T> {
  try {
    return await attempt(batches, []);
  } catch (error) {
    if (input.onBadRows === undefined || !OF_DATA.test(messageOf(error))) throw error;
    const directory = await mkdtemp(join(tmpdir(), 'headgate-rows-'));
    try {
      const search = new Search(engine, input, directory);
      const parted: Parted[] = [];
      for (const batch of batches) parted.push(await search.part(batch));
      const found = parted.flatMap(({ bad }) => (bad.rows.length === 0 ? [] : [bad]));
      // Together they fail, and none of them alone: that is not for us to fix.
      if (found.length === 0) throw error;
      await input.onBadRows(found);
      return await attempt(
        parted.map(({ good }) => good),
        found,
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

/** A batch taken apart: the rows that cannot be loaded, and a batch of the others. */
interface Parted {
  readonly bad: BadRows;
  readonly good: LoadBatch;
}

/** Looks for bad rows by making the rows of ever smaller parts of a batch. One batch is in memory at a time. */
class Search {
  private files = 0;
  private found = 0;

  constructor(
    private readonly engine: Engine,
    private readonly input: LoadInput,
    private readonly directory: string,
  ) {}

  async part(batch: LoadBatch): Promise<Parted> {
    const { batchId } = batch;
    const whole = await this.problemOf(batch);
    if (whole === undefined) return { bad: { batchId, rows: [] }, good: batch };
    // As octets: what is wrong with a line may be that it is not text.
    const lines = octetLines(await inflate(await readFile(batch.path)));
    const rows: BadRow[] = [];
    // Of another number of lines than there should be, no row is to blame.
    if (lines.length === batch.rows) await this.collect(batch, lines, 0, lines.length, whole, rows);
    const bad = new Set(rows.map(({ line }) => line));
    const good = await this.write(
      batch,
      lines.filter((_, line) => !bad.has(line)),
    );
    return { bad: { batchId, rows }, good };
  }

  /** Adds the bad rows of a range of which one at least is bad, for a reason. */
  private async collect(
    batch: LoadBatch,
    lines: readonly Buffer[],
    from: number,
    to: number,
    reason: string,
    found: BadRow[],
  ): Promise<void> {
    if (to - from === 1 || this.found >= MAX_FOUND) {
      for (let line = from; line < to; line++)
        found.push({ line, text: lines[line]!.toString('utf8'), reason });
      this.found += to - from;
      return;
    }
    const step = to - from <= MIN_HALVED ? 1 : Math.ceil((to - from) / 2);
    for (let start = from; start < to; start += step) {
      const end = Math.min(start + step, to);
      const problem = await this.problemIn(batch, lines.slice(start, end));
      if (problem !== undefined) await this.collect(batch, lines, start, end, problem, found);
    }
  }

  private async problemIn(batch: LoadBatch, lines: readonly Buffer[]): Promise<string | undefined> {
    const part = await this.write(batch, lines);
    try {
      return await this.problemOf(part);
    } finally {
      await rm(part.path);
    }
  }

  /**
   * Why a batch cannot be loaded, undefined if it can. Every value is made as for a load; to write them takes longer than
   * that.
   */
  private async problemOf(batch: LoadBatch): Promise<string | undefined> {
    const make = `SELECT max(hash(made)) FROM (${selectStatement(this.input, [batch])}) AS made`;
    try {
      await this.engine.use((connection) => connection.run(make), this.input.signal);
      return undefined;
    } catch (error) {
      if (OF_DATA.test(messageOf(error))) return reasonOf(messageOf(error));
      throw error;
    }
  }

  private async write({ batchId }: LoadBatch, lines: readonly Buffer[]): Promise<LoadBatch> {
    this.files += 1;
    const path = join(this.directory, `${batchId}.${this.files}.ndjson.gz`);
    await writeFile(path, await deflate(joinLines(lines), { level: 1 }));
    return { batchId, path, rows: lines.length };
  }
}

/** DuckDB's message without what is ours: the file, the number of the line in it, the statement, and how to ignore it. */
function reasonOf(message: string): string {
  const [first = ''] = message.split('\n');
  return first
    .replace(/ in file "[^"]*",?/, '')
    .replace(/,? in line \d+/, '')
    .trim();
}

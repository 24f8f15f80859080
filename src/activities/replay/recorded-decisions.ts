import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { BatchRef, DecisionRow, EventRow, BatchName } from '../../events/event.js';
import { LineSet } from '../../events/line-set.js';
import type { CompiledRules } from '../../rules/compiled.js';
import { openIfThere, type BatchStore } from '../../stores/batch-store/batch-store.js';
import { decidedKey, recordedOf, type RecordedDecisions } from './comparison.js';
import { TextLines } from '../../events/ndjson.js';

const gzipAsync = promisify(gzip);
/** Rows read between two turns of the event loop: two milliseconds. */
const ROWS_AT_ONCE = 500;

/** Reads the decisions recorded when a batch of events came; none where nothing was decided on it. */
export async function readRecorded(
  store: BatchStore,
  { tenant, batchId }: BatchRef,
): Promise<RecordedDecisions> {
  const recorded = new Map<string, Map<string, DecisionRow>>();
  const opened = await openIfThere(store, { tenant, stream: 'decisions', batchId });
  let read = 0;
  const lines = new TextLines(opened?.ndjson ?? Buffer.alloc(0));
  for (; read < lines.length; read++) {
    if ((read + 1) % ROWS_AT_ONCE === 0) await nextTurn();
    const row = JSON.parse(lines.at(read)) as DecisionRow;
    const ofEvent = recorded.get(decidedKey(row)) ?? new Map<string, DecisionRow>();
    recorded.set(decidedKey(row), ofEvent.set(row.rule, row));
  }
  return recorded;
}

/** Names what a set of rules decides: the same rules decide the same, whatever else a configuration holds. */
export function rulesHash({ rules }: CompiledRules): string {
  return hashOf(rules.map(({ version }) => version).sort());
}

/**
 * The id under which the decisions of a replay on a batch are kept. It follows from the batch, the rules and the lines that
 * were decided on, so that a second run comes to the same file, and the warehouse leaves out what it holds; the day and the
 * sequence number stay the batch's own.
 * @param lines the lines of the batch, where they are not all of it
 */
export function replayedBatchId(batchId: string, rules: string, lines?: string): string {
  const [day, node, sequence] = batchId.split('-');
  return `${day}-${hashOf([node, rules, lines ?? '']).slice(0, 8)}-${sequence}`;
}

/** A batch of a replay's decisions, and whether it was not there before. */
export interface WrittenDecisions {
  readonly batch: BatchRef;
  readonly isNew: boolean;
}

/** The decisions of a replay on one batch, until all of its events in the range have been decided on. */
export class NewDecisions {
  private readonly lines = LineSet.none();
  private ndjson = '';
  private count = 0;

  constructor(private readonly batch: BatchRef) {}

  /** Adds the decisions made now on the event of a line. Those that are recorded already, under the same version, are left out. */
  add(line: number, event: EventRow, made: readonly DecisionRow[], recorded: RecordedDecisions): void {
    this.lines.add(line);
    const before = recordedOf(recorded, event);
    for (const row of made) {
      if (before?.get(row.rule)?.rule_version === row.rule_version) continue;
      this.ndjson += `${JSON.stringify(row)}\n`;
      this.count++;
    }
  }

  /** Writes them as a batch of decisions, unless a run before this one has; undefined where all are recorded already. */
  async write(store: BatchStore, rules: string): Promise<WrittenDecisions | undefined> {
    if (this.count === 0) return undefined;
    const { tenant, batchId: of, events } = this.batch;
    const lines = this.lines.count === events ? undefined : this.lines.encode();
    const name: BatchName = { tenant, stream: 'decisions', batchId: replayedBatchId(of, rules, lines) };
    const kept = await openIfThere(store, name);
    if (kept !== undefined) return { batch: kept.ref, isNew: false };
    return { batch: await store.write(name, await gzipAsync(this.ndjson), this.count), isNew: true };
  }
}

function hashOf(parts: readonly (string | undefined)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}

import { HeadgateError } from '../../errors.js';
import type { DecisionsOfSubject } from '../../eligibility/current-decisions.js';
import { decideChunk } from '../../eligibility/decide-chunk.js';
import type { BatchRef, DecisionRow, EventRow, InputStream } from '../../events/event.js';
import { eventKey } from '../../events/event-identity.js';
import type { Steps, Turns } from '../../platform/event-loop-turns.js';
import type { LoadedTenant } from '../../tenants/config/registry.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import {
  NO_COUNTS,
  type AppliedCounts,
  type RedecideInput,
  type ReplayCounts,
  type ReplayProgress,
  type ReplayReport,
} from '../../workflows/messages/replays.js';
import { Comparison, decidedKey, recordedOf, type RecordedDecisions } from './comparison.js';
import { keptEvents } from './kept-events.js';
import type { Slice } from './kept-partition.js';
import { LatestDecisions } from './latest-decisions.js';
import { Pacer } from './pacer.js';
import { rangeOf, type CompiledRange } from './range.js';
import { NewDecisions, readRecorded, rulesHash } from './recorded-decisions.js';
import type { RouteCounts } from './route-counts.js';
import { SubjectsInMemory, type SubjectBudget } from './subjects-in-memory.js';

/** Makes decisions current where the state is, or says what would become so. */
export type MakeCurrent = (
  tenant: string,
  decisions: Iterable<readonly [string, DecisionsOfSubject]>,
  options: { readonly dryRun: boolean; readonly signal?: AbortSignal },
) => Promise<AppliedCounts>;

/** What a {@link Redecision} works with. */
export interface RedecisionOptions {
  readonly input: RedecideInput;
  readonly store: BatchStore;
  /** The configuration whose rules decide. */
  readonly chosen: LoadedTenant;
  /** Dry run: counts what would be delivered. */
  readonly routes?: RouteCounts;
  /** What is known already of these numbers, in words. */
  readonly notes: readonly string[];
  /** Hands batches of decisions to a load window. */
  readonly announce: (batches: readonly BatchRef[]) => Promise<unknown>;
  readonly budget: SubjectBudget;
  /** There where decisions are to become current. */
  readonly makeCurrent?: MakeCurrent;
  /** Shares the event loop between tenants. */
  readonly turns: Turns;
}

/** Batches of decisions that are announced together. */
const ANNOUNCED_AT_ONCE = 50;

const NOTHING_RECORDED: RecordedDecisions = new Map();

/** A batch of events that is being decided on. */
interface Deciding {
  readonly recorded: RecordedDecisions;
  readonly made: NewDecisions;
}

/**
 * Decides on a range again, in memory: fresh subjects, brought to what was known at its beginning by all that is kept from
 * before, in the order of receipt; then each decision on the range is compared with the recorded one and, unless it is a
 * dry run, recorded beside it.
 */
export class Redecision {
  private readonly range: CompiledRange;
  private readonly subjects: SubjectsInMemory;
  private readonly comparison: Comparison;
  private readonly rules: string;
  private readonly counts: { -readonly [Key in keyof ReplayCounts]: number } = { ...NO_COUNTS };
  private readonly files = { done: 0, total: 0 };
  /** Batches of events whose decisions are not complete yet: one per node. */
  private readonly deciding = new Map<string, Deciding>();
  /** What may become current; undefined where nothing is to. */
  private readonly latest: LatestDecisions | undefined;
  private applied: AppliedCounts | undefined;
  private applying = false;
  private unannounced: BatchRef[] = [];
  private warmUpEvents = 0;
  private faults = 0;
  private inRange = false;

  constructor(private readonly options: RedecisionOptions) {
    this.range = rangeOf(options.input);
    this.subjects = new SubjectsInMemory(options.budget);
    this.comparison = new Comparison(options.chosen.rules);
    this.rules = rulesHash(options.chosen.rules);
    this.latest = options.makeCurrent && new LatestDecisions(options.budget);
  }

  /** How far it is. */
  progress(): ReplayProgress {
    const { counts, files, inRange } = this;
    const reading = inRange ? 'range' : 'warm-up';
    return { ...counts, phase: this.applying ? 'applying' : reading, files: { ...files } };
  }

  /**
   * Does all of it; `seconds` are left to the workflow.
   * @throws HeadgateError `REPLAY_TOO_LARGE`; `OVERLOADED` (retryable) while other replays hold what memory there is for them
   */
  async run(signal?: AbortSignal): Promise<Omit<ReplayReport, 'seconds'>> {
    try {
      return await this.readAll(signal);
    } finally {
      this.subjects.forget();
      this.latest?.forget();
    }
  }

  private async readAll(signal?: AbortSignal): Promise<Omit<ReplayReport, 'seconds'>> {
    const { input, store } = this.options;
    const pacer = new Pacer(input.eventsPerSecond);
    const kept = await keptEvents({
      store,
      tenant: input.tenant,
      until: this.range.until,
      onFile: (batch) => this.sawFile(batch),
    });
    this.files.total = kept.files;
    for await (const slice of kept.slices) {
      await this.take(slice);
      await pacer.did(slice.rows.length, signal);
    }
    for (const batchId of this.deciding.keys()) await this.finish(batchId);
    await this.announce();
    await this.apply(signal);
    return this.report();
  }

  /** Last of all, so that what becomes current has been recorded. */
  private async apply(signal: AbortSignal | undefined): Promise<void> {
    const { makeCurrent, input } = this.options;
    if (makeCurrent === undefined || this.latest === undefined) return;
    this.applying = true;
    // What it was decided with is not needed any more.
    this.subjects.forget();
    this.applied = await makeCurrent(input.tenant, this.latest, { dryRun: input.dryRun, signal });
  }

  private sawFile(batch: BatchRef | undefined): void {
    this.files.done++;
    if (batch === undefined) this.counts.skipped++;
    else this.counts.bytes += batch.bytes;
  }

  private async take(slice: Slice): Promise<void> {
    const isChosen = this.range.streams.includes(slice.stream);
    const chosen = slice.rows.map((row) => isChosen && this.range.includes(row));
    const some = chosen.includes(true);
    if (!some && !this.inRange) this.warmUpEvents += slice.rows.length;
    this.inRange ||= some;
    const { turns, input } = this.options;
    const made = await turns.stepByStep(input.tenant, this.decide(slice));
    const deciding = some ? await this.decidingOn(slice.batch) : undefined;
    if (deciding) await turns.stepByStep(input.tenant, this.judgeAll(slice, chosen, made, deciding));
    if (slice.firstLine + slice.rows.length >= slice.batch.events) await this.finish(slice.batch.batchId);
  }

  /** The decisions on a slice, by {@link eventKey}, event by event. */
  private *decide({ stream, rows }: Slice): Steps<ReadonlyMap<string, DecisionRow[]>> {
    const made = new Map<string, DecisionRow[]>();
    for (const event of rows) {
      for (const line of this.decideOn(stream, event).split('\n')) {
        if (line === '') continue;
        const row = JSON.parse(line) as DecisionRow;
        const key = decidedKey(row);
        const known = made.get(key);
        if (known === undefined) made.set(key, [row]);
        else known.push(row);
      }
      yield;
    }
    return made;
  }

  private decideOn(stream: InputStream, event: EventRow): string {
    const { rules } = this.options.chosen;
    const onFault = (_event: EventRow, error: unknown): void => {
      if (error instanceof HeadgateError) throw error;
      this.faults++;
    };
    return decideChunk(stream, [event], rules, this.subjects.recordOf, onFault).ndjson;
  }

  private *judgeAll(
    slice: Slice,
    chosen: readonly boolean[],
    made: ReadonlyMap<string, DecisionRow[]>,
    deciding: Deciding,
  ): Steps<void> {
    for (const [at, row] of slice.rows.entries()) {
      if (chosen[at] === true) this.judge(slice, at, made.get(eventKey(row)) ?? [], deciding);
      yield;
    }
  }

  private judge(
    { stream, firstLine, rows }: Slice,
    at: number,
    made: readonly DecisionRow[],
    deciding: Deciding,
  ): void {
    const row = rows[at] as EventRow;
    this.counts.events++;
    this.options.routes?.add(row, stream);
    this.counts.matched += made.length;
    this.comparison.add(row, made, deciding.recorded);
    this.latest?.add(row, made, recordedOf(deciding.recorded, row));
    if (!this.options.input.dryRun) deciding.made.add(firstLine + at, row, made, deciding.recorded);
  }

  private async decidingOn(batch: BatchRef): Promise<Deciding> {
    const known = this.deciding.get(batch.batchId);
    if (known !== undefined) return known;
    const recorded =
      batch.stream === 'events' ? await readRecorded(this.options.store, batch) : NOTHING_RECORDED;
    const deciding = { recorded, made: new NewDecisions(batch) };
    this.deciding.set(batch.batchId, deciding);
    this.counts.batches++;
    return deciding;
  }

  /** All of a batch's events in the range have been decided on. */
  private async finish(batchId: string): Promise<void> {
    const deciding = this.deciding.get(batchId);
    this.deciding.delete(batchId);
    const written = await deciding?.made.write(this.options.store, this.rules);
    if (written === undefined) return;
    if (written.isNew) this.counts.decisions += written.batch.events;
    // Also what is not new: the run that wrote it may have died before it said so.
    this.unannounced.push(written.batch);
    if (this.unannounced.length >= ANNOUNCED_AT_ONCE) await this.announce();
  }

  private async announce(): Promise<void> {
    const batches = this.unannounced.splice(0);
    if (batches.length > 0) await this.options.announce(batches);
  }

  private report(): Omit<ReplayReport, 'seconds'> {
    const { input, routes } = this.options;
    const { dryRun, task } = input;
    const decides = task.kind === 'decide' || (task.kind === 'deliver' && task.subscription === undefined);
    return {
      ...this.counts,
      dryRun,
      warmUpEvents: this.warmUpEvents,
      ...(decides && { rules: this.comparison.result() }),
      ...(this.applied !== undefined && { applied: this.applied }),
      ...(routes !== undefined && { wouldDeliver: routes.result() }),
      notes: this.notes(),
    };
  }

  private notes(): string[] {
    const notes = [...this.options.notes];
    if (this.counts.skipped > 0) notes.push(`${this.counts.skipped} batch files could not be read.`);
    if (this.faults > 0) notes.push(`${this.faults} events could not be decided on.`);
    return notes;
  }
}

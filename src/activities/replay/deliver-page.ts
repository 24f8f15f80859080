import { createHash } from 'node:crypto';
import type { EventRow, BatchName } from '../../events/event.js';
import type { Steps, Turns } from '../../platform/event-loop-turns.js';
import { LineSet } from '../../events/line-set.js';
import type { LoadedTenant } from '../../tenants/config/registry.js';
import { openIfThere, type BatchStore, type OpenBatch } from '../../stores/batch-store/batch-store.js';
import { isCopy, nodeOfBatch } from '../../tenants/ids.js';
import type { StartDeliveriesInput } from '../../workflows/messages/deliveries.js';
import type { RoutedEvents } from '../../workflows/messages/batches.js';
import {
  NO_COUNTS,
  type ReplayCounts,
  type ReplayCursor,
  type ReplayPageInput,
  type ReplayPageResult,
} from '../../workflows/messages/replays.js';
import { TextLines } from '../../events/ndjson.js';
import { Pacer } from './pacer.js';
import { isPast, rangeOf, type CompiledRange } from './range.js';
import { isLooped, targetsOf, type ReplayTargets } from './targets.js';

/** What a {@link DeliverPage} works with. */
export interface DeliverPageOptions {
  readonly input: ReplayPageInput;
  readonly store: BatchStore;
  /** The tenant's configuration as it is now. */
  readonly tenant: LoadedTenant;
  /** Starts the deliveries of one batch; gives the ids of their workflows. */
  readonly startDeliveries: (input: StartDeliveriesInput) => Promise<readonly string[]>;
  /** Shares the event loop between tenants. */
  readonly turns: Turns;
}

/** A page ends after that number of batches, or that number of seconds' worth of events. */
const PAGE = { batches: 100, seconds: 10 };
/** Events of a batch looked at before the pace is. */
const EVENTS_AT_ONCE = 500;

/**
 * Delivers a page of kept batches again: each in a delivery of its own, with the lowest priority. The names of deliveries
 * follow from the replay and the batch, so a page may be run again.
 */
export class DeliverPage {
  private readonly range: CompiledRange;
  private readonly targets: ReplayTargets;
  private readonly pacer: Pacer;
  private readonly counts: { -readonly [Key in keyof ReplayCounts]: number } = { ...NO_COUNTS };
  /** Events looked at, in the range or not. */
  private read = 0;
  private files = 0;

  constructor(private readonly options: DeliverPageOptions) {
    const { input, tenant } = options;
    this.range = rangeOf(input);
    this.targets = targetsOf(input.task, tenant);
    this.pacer = new Pacer(input.eventsPerSecond);
  }

  /** What this page has come to so far. */
  get soFar(): ReplayCounts {
    return { ...this.counts };
  }

  /** Delivers the batches that come after the cursor, up to the end of the page or of the range. */
  async run(signal?: AbortSignal): Promise<ReplayPageResult> {
    const { cursor } = this.options.input;
    const { streams } = this.range;
    const first = cursor === undefined ? 0 : streams.indexOf(cursor.stream);
    for (const stream of streams.slice(first)) {
      const last = await this.deliverStream(
        cursor?.stream === stream ? cursor : { stream, batchId: '' },
        signal,
      );
      if (last !== undefined) return { counts: this.soFar, cursor: last };
    }
    return { counts: this.soFar };
  }

  /** Where the page ended, or undefined at the end of the stream. */
  private async deliverStream(
    { stream, batchId: after }: ReplayCursor,
    signal?: AbortSignal,
  ): Promise<ReplayCursor | undefined> {
    const { store, input } = this.options;
    /** Nodes of which nothing more is in the range: their batches are in the order of receipt. */
    const past = new Set<string>();
    for await (const name of store.list({ tenant: input.tenant, stream, from: this.range.firstDay, after })) {
      const node = nodeOfBatch(name.batchId);
      if (past.has(node) || isCopy(name.batchId)) continue;
      const opened = await openIfThere(store, name);
      this.files++;
      if (opened === undefined) this.counts.skipped++;
      else if (!(await this.deliverBatch(opened, name, signal))) past.add(node);
      if (this.isFull()) return { stream, batchId: name.batchId };
    }
    return undefined;
  }

  private isFull(): boolean {
    const { eventsPerSecond } = this.options.input;
    return this.files >= PAGE.batches || this.read >= PAGE.seconds * eventsPerSecond;
  }

  /** False for a batch that lies behind the range. */
  private async deliverBatch(
    { ref, ndjson }: OpenBatch,
    { stream }: BatchName,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const { activityQueue } = this.options.input;
    const lines = new TextLines(ndjson);
    if (lines.length > 0 && isPast(JSON.parse(lines.at(0)) as EventRow, this.range.until)) return false;
    const found = await this.route(lines, stream, signal);
    this.counts.bytes += ref.bytes;
    if (found.events > 0) this.counts.batches++;
    for (const [cause, routed] of this.byCause(found.to, lines.length)) {
      const started = await this.options.startDeliveries({ batch: ref, routed, activityQueue, cause });
      this.counts.deliveries += started.length;
    }
    return true;
  }

  /** Which lines of a batch go to which subscriptions. */
  private async route(
    lines: TextLines,
    stream: BatchName['stream'],
    signal?: AbortSignal,
  ): Promise<{ events: number; to: ReadonlyMap<string, LineSet> }> {
    const { turns, input } = this.options;
    const found = { events: 0, to: new Map<string, LineSet>() };
    for (let from = 0; from < lines.length; from += EVENTS_AT_ONCE) {
      const until = Math.min(from + EVENTS_AT_ONCE, lines.length);
      const some = { lines, from, until, stream };
      await turns.stepByStep(input.tenant, this.routing(some, found));
      await this.pacer.did(until - from, signal);
    }
    this.counts.events += found.events;
    return found;
  }

  /** Event by event: filters may take milliseconds of each. */
  private *routing(
    some: { lines: TextLines; from: number; until: number; stream: BatchName['stream'] },
    found: { events: number; to: Map<string, LineSet> },
  ): Steps<void> {
    const { lines, from, until, stream } = some;
    for (let line = from; line < until; line++) {
      const event = JSON.parse(lines.at(line)) as EventRow;
      this.read++;
      if (stream !== 'decisions' && this.range.includes(event)) {
        found.events++;
        if (isLooped(event)) this.counts.skipped++;
        for (const name of this.targets.of(event, stream)) {
          const own = found.to.get(name) ?? LineSet.none(lines.length);
          own.add(line);
          found.to.set(name, own);
          this.counts.matched++;
        }
      }
      yield;
    }
  }

  /**
   * By the cause that their deliveries are to be named by. Those of a replay are its own. A subscription is filled with
   * the same lines once, by whichever replay: that alone names them.
   */
  private byCause(to: ReadonlyMap<string, LineSet>, all: number): Map<string, RoutedEvents[]> {
    const { task, replayId } = this.options.input;
    const causes = new Map<string, RoutedEvents[]>();
    for (const [subscription, set] of to) {
      const lines = set.count === all ? undefined : set.encode();
      const cause = task.kind === 'fill' ? `fill-${shortHash(lines ?? '')}` : `replay-${replayId}`;
      const routed: RoutedEvents = {
        subscription,
        of: 'events',
        priority: 'low',
        count: set.count,
        ...(lines !== undefined && { lines }),
      };
      causes.set(cause, [...(causes.get(cause) ?? []), routed]);
    }
    return causes;
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

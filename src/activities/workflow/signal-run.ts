import { toCloudEvent } from '../../events/cloudevent.js';
import { messageOf } from '../../errors.js';
import type { DeliveryJournal } from '../../stores/delivery-log/journal.js';
import type { Tried } from '../../subscriptions/failing.js';
import type { WorkflowConfig } from '../../tenants/config/subscription-config.js';
import type { Concurrency, FlowLimits, Slot } from '../deliveries/concurrency.js';
import { retryPauseMs } from '../deliveries/retry-pause.js';
import type { Tally } from '../deliveries/tally.js';
import type { TextLines } from '../../events/ndjson.js';
import type { AddressedEvent, OrderedWork } from './ordered-work.js';
import { WorkflowFull } from './signal.js';

/** What {@link SignalRun} works on. */
export interface SignalRunOptions {
  readonly config: WorkflowConfig;
  readonly work: Pick<OrderedWork, 'settled' | 'failed'>;
  /** The next event of the work, found in the tenant's turns; undefined when there is none, for now. */
  readonly next: () => Promise<AddressedEvent | undefined>;
  readonly tally: Tally;
  readonly journal: DeliveryJournal;
  /** The batch's lines. */
  readonly lines: TextLines;
  /** Shared by all passes of the subscription in this process. */
  readonly concurrency: Concurrency;
  /** Signals a workflow of the tenant's, and starts it if need be. */
  readonly signal: (event: AddressedEvent, cloudEvent: object) => Promise<void>;
  readonly onTried: (tried: Tried) => void;
  /** Aborted when no more is to be taken up. */
  readonly ending: AbortSignal;
  readonly now: () => number;
}

/** After this number of failures in a row it is not an event or a workflow that is at fault. */
const MAX_FAILURES_IN_A_ROW = 5;
/** Of what Temporal says of a failure this much is kept. */
const MAX_ERROR_LENGTH = 500;

/**
 * The signals of one pass: as many at once as the subscription's concurrency allows, each of another workflow. When
 * something ends it, it waits for what is on its way, so that nothing is signalled that is not accounted for.
 */
export class SignalRun {
  /** Events tried that had been tried before. */
  retried = 0;
  /** Bytes of the events sent. */
  bytes = 0;
  private failuresInARow = 0;
  private fault: { readonly error: unknown } | undefined;
  private readonly halt = new AbortController();
  private readonly underWay = new Set<Promise<void>>();

  constructor(private readonly options: SignalRunOptions) {
    const { ending } = options;
    if (ending.aborted) this.halt.abort();
    else ending.addEventListener('abort', () => this.halt.abort(), { once: true });
  }

  /** True when too much has failed to go on. */
  get failing(): boolean {
    return this.failuresInARow >= MAX_FAILURES_IN_A_ROW;
  }

  /** Signals what may be signalled. */
  async run(): Promise<void> {
    const { next, config, concurrency } = this.options;
    const limits: FlowLimits = {
      maxConcurrency: config.maxConcurrency,
      eventsPerSecond: config.limits.eventsPerSecond,
    };
    while (!this.halt.signal.aborted) {
      const event = await next();
      if (event !== undefined) {
        const slot = await concurrency.acquire(1, limits, this.halt.signal);
        if (slot !== undefined) this.begin(event, slot);
      } else if (this.underWay.size > 0) await Promise.race(this.underWay);
      else break;
    }
    await Promise.all(this.underWay);
    if (this.fault !== undefined) throw this.fault.error;
  }

  private begin(event: AddressedEvent, slot: Slot): void {
    if (event.attempts > 0) this.retried++;
    this.bytes += this.options.lines.bytesAt(event.line);
    const signalled = this.send(event, slot)
      .catch((error: unknown) => {
        // A mistake of ours: the pass ends, and says so.
        this.fault ??= { error };
        this.halt.abort();
      })
      .finally(() => this.underWay.delete(signalled));
    this.underWay.add(signalled);
  }

  private async send(event: AddressedEvent, slot: Slot): Promise<void> {
    const began = performance.now();
    const failure = await this.options.signal(event, toCloudEvent(event.row)).then(
      () => undefined,
      (reason: unknown) => ({ reason }),
    );
    const isFull = failure?.reason instanceof WorkflowFull;
    const error = failure && messageOf(failure.reason).slice(0, MAX_ERROR_LENGTH);
    // It is that run alone which takes no more; Temporal itself is well.
    slot.release(failure === undefined ? 'success' : isFull ? 'neutral' : 'failure');
    this.options.onTried({ ok: failure === undefined, error, again: event.attempts > 0 });
    this.account(event, Math.round(performance.now() - began), error, isFull);
    if (!isFull) this.failuresInARow = failure === undefined ? 0 : this.failuresInARow + 1;
    if (this.failing) this.halt.abort();
  }

  private account(event: AddressedEvent, ms: number, error: string | undefined, isFull: boolean): void {
    const { tally, journal, work, config, now } = this.options;
    const { line, attempts, row } = event;
    const at = new Date(now()).toISOString();
    const entry = { line, event: row.id, attempt: attempts + 1, at, ms };
    if (error === undefined) {
      tally.deliver(line, attempts);
      journal.add({ ...entry, outcome: 'delivered' });
      return work.settled(event);
    }
    journal.add({ ...entry, outcome: 'failed', error });
    if (isFull) {
      tally.refuse(line, attempts, 'workflow-full', error);
      return work.settled(event);
    }
    const pauseMs = retryPauseMs(config.retry, attempts);
    if (pauseMs === undefined) {
      tally.exhaust(line, attempts, error);
      return work.settled(event);
    }
    tally.retry(line, attempts, now() + pauseMs);
    work.failed(event);
  }
}

import { Context } from '@temporalio/activity';
import { toCloudEvent } from '../../cloudevent.js';
import { deliveredEvent } from '../../delivered-event.js';
import { messageOf } from '../../errors.js';
import type { EventRow } from '../../event.js';
import { LineSet } from '../../line-set.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import type { WorkflowConfig } from '../../tenant-config/subscription-config.js';
import type { TenantConfig } from '../../tenant-config/tenant-config.js';
import { TokenBucket } from '../../token-bucket.js';
import type { PassInput } from '../../workflows/delivery-messages.js';
import { linesOf } from '../deliveries/batch-lines.js';
import type { PassActivities } from '../deliveries/pass.js';
import { Tally } from '../deliveries/tally.js';
import { createTemplates, type Templates, type WorkflowTarget } from './templates.js';

/** What {@link createWorkflowPass} needs. */
export interface WorkflowPassOptions {
  /** The tenant's configuration as it is now. */
  readonly configOf: (tenant: string) => TenantConfig;
  readonly batchStore: BatchStore;
  /** Signals a workflow of the tenant's, and starts it if need be; see `signalWithStart`. */
  readonly signal: (input: PassInput, target: WorkflowTarget, row: EventRow, event: object) => Promise<void>;
  /** Told what a pass has come to. */
  readonly observe: (tenant: string, subscription: string, outcome: WorkflowPassOutcome) => void;
  readonly now?: () => number;
}

/** What a pass has come to. */
export interface WorkflowPassOutcome {
  readonly delivered: number;
  readonly failed: number;
  /** Of both, those that had been tried before. */
  readonly retried: number;
  /** Bytes of the events that were sent. */
  readonly bytes: number;
  readonly seconds: number;
}

/** A pass ends by itself after so long; the rest is the next one's. */
const PASS_MS = 60_000;
const HEARTBEAT_EVERY_MS = 3_000;
/** After so many failures in a row it is not the event that is at fault. */
const MAX_FAILURES_IN_A_ROW = 5;

/**
 * Builds the activity that starts or signals the tenant's own workflows, one event after the other in the order of the
 * batch, so that a workflow gets its events in that order. What a lost attempt had done is in its heartbeat, and what
 * that has missed is recognised by Temporal.
 */
export function createWorkflowPass(options: WorkflowPassOptions): PassActivities['workflowPass'] {
  const buckets = new Map<string, TokenBucket>();
  return async (input) => {
    const now = options.now ?? Date.now;
    const began = performance.now();
    const { tenant, subscription, batch } = input;
    const tally = new Tally(input.pending, batch.events);
    const config = options.configOf(tenant).subscriptions.find(({ name }) => name === subscription);
    if (config?.kind !== 'workflow') {
      tally.giveUpAll('subscription-removed', 'The subscription is not configured any more.');
      return tally.result(now());
    }
    const lines = await linesOf(options.batchStore, batch);
    if (lines === undefined) {
      tally.giveUpAll('expired', 'The file of the batch is gone or damaged.');
      return tally.result(now());
    }
    const confirmed = Context.current().info.heartbeatDetails as string | undefined;
    if (confirmed !== undefined) tally.resume(LineSet.decode(confirmed, batch.events), () => undefined);
    const bucket = buckets.get(`${tenant}/${subscription}`) ?? new TokenBucket();
    buckets.set(`${tenant}/${subscription}`, bucket);
    const pass = new WorkflowPass(options, input, config, lines, tally, bucket);
    await pass.run();
    const result = tally.result(now());
    const seconds = (performance.now() - began) / 1000;
    const { delivered, failed } = result;
    const { retried, bytes } = pass;
    options.observe(tenant, subscription, { delivered, failed, retried, bytes, seconds });
    return result;
  };
}

/** One pass under way. */
class WorkflowPass {
  private readonly templates: Templates;
  private readonly now: () => number;
  retried = 0;
  bytes = 0;
  private failuresInARow = 0;
  private beatAt = 0;

  constructor(
    private readonly options: WorkflowPassOptions,
    private readonly input: PassInput,
    private readonly config: WorkflowConfig,
    private readonly lines: readonly string[],
    private readonly tally: Tally,
    private readonly bucket: TokenBucket,
  ) {
    this.templates = createTemplates(input.tenant, config);
    this.now = options.now ?? Date.now;
  }

  async run(): Promise<void> {
    const until = this.now() + PASS_MS;
    const { cancellationSignal } = Context.current();
    for (const { attempts, lines } of this.tally.due(this.now())) {
      for (const line of lines) {
        if (this.now() > until || cancellationSignal.aborted || this.failuresInARow >= MAX_FAILURES_IN_A_ROW)
          return;
        await this.turn();
        await this.deliver(line, attempts);
        this.heartbeat();
      }
    }
  }

  /** Waits for the subscription's rate. */
  private async turn(): Promise<void> {
    const { eventsPerSecond } = this.config.limits;
    if (eventsPerSecond === undefined) return;
    const waitMs = this.bucket.waitMs(eventsPerSecond, this.now());
    if (waitMs > 0) await Context.current().sleep(waitMs);
    this.bucket.take(1, eventsPerSecond, this.now());
  }

  private async deliver(line: number, attempts: number): Promise<void> {
    const text = this.lines[line] ?? '';
    const row = deliveredEvent(text, this.input.batch.stream);
    let target: WorkflowTarget;
    try {
      target = this.templates(row);
    } catch (error) {
      return this.tally.undeliverable(line, attempts, messageOf(error));
    }
    if (attempts > 0) this.retried++;
    this.bytes += Buffer.byteLength(text);
    try {
      await this.options.signal(this.input, target, row, toCloudEvent(row));
      this.tally.deliver(line, attempts);
      this.failuresInARow = 0;
    } catch (error) {
      this.failuresInARow++;
      this.failed(line, attempts, messageOf(error));
    }
  }

  private failed(line: number, attempts: number, detail: string): void {
    const pauseMs = this.config.retry.scheduleMs[attempts];
    if (pauseMs === undefined) this.tally.exhaust(line, attempts, detail);
    else this.tally.retry(line, attempts, this.now() + pauseMs * (1 + Math.random() / 5));
  }

  private heartbeat(): void {
    if (this.now() - this.beatAt < HEARTBEAT_EVERY_MS) return;
    this.beatAt = this.now();
    Context.current().heartbeat(this.tally.delivered.encode());
  }
}

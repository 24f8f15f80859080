import { deliveredEvent } from '../../events/delivered-event.js';
import { messageOf } from '../../errors.js';
import type { BatchRef, Stream } from '../../events/event.js';
import { ExpressionFailures, type ExpressionFailure } from '../../expressions/failures.js';
import type { Logger } from '../../platform/logger.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import type { DeliveryLog } from '../../stores/delivery-log/delivery-log.js';
import { DeliveryJournal } from '../../stores/delivery-log/journal.js';
import type { Tried } from '../../subscriptions/failing.js';
import type { WorkflowConfig } from '../../tenants/config/subscription-config.js';
import type { TenantConfig } from '../../tenants/config/tenant-config.js';
import type { AllowedQueue } from '../../tenants/config/workflow-queue.js';
import type { PassInput, PassResult } from '../../workflows/messages/deliveries.js';
import { Turns } from '../../platform/event-loop-turns.js';
import type { TextLines } from '../../events/ndjson.js';
import { linesOf } from '../../stores/batch-store/batch-lines.js';
import { Concurrency } from '../deliveries/concurrency.js';
import { keepJournal } from '../deliveries/keep-journal.js';
import { endOfPass } from '../deliveries/pass-end.js';
import type { PassActivities } from '../deliveries/pass.js';
import { HEARTBEAT_EVERY_MS, heartbeatOf, resumePass } from '../deliveries/progress.js';
import { longestRetryPauseMs } from '../deliveries/retry-pause.js';
import { Tally } from '../deliveries/tally.js';
import { OrderedWork, type AddressedEvent } from './ordered-work.js';
import { SignalRun } from './signal-run.js';
import { createTemplates, TemplateFailure, type Templates } from './templates.js';

/** What {@link createWorkflowPass} needs. */
export interface WorkflowPassOptions {
  /** The tenant's configuration as it is now. */
  readonly configOf: (tenant: string) => TenantConfig;
  readonly batchStore: BatchStore;
  readonly deliveryLog: DeliveryLog;
  /** Queues that are not tenants' own and may be used all the same. */
  readonly queues: readonly AllowedQueue[];
  /** Signals a workflow of the tenant's, and starts it if need be; see `signalWithStart`. */
  readonly signal: (input: PassInput, event: AddressedEvent, cloudEvent: object) => Promise<void>;
  /** Called with what a pass has come to. */
  readonly observe: (tenant: string, subscription: string, outcome: WorkflowPassOutcome) => void;
  /** Called with how each try went that tells something of Temporal and the subscription's workflows. */
  readonly onTried?: (tenant: string, subscription: string, tried: Tried) => void;
  /** Called with templates that failed on events of a pass, if any did. */
  readonly onFailures?: (tenant: string, failures: readonly ExpressionFailure[]) => void;
  readonly log: Pick<Logger, 'warn'>;
  /** Aborted when this process begins to end: passes take up nothing more. Default: never. */
  readonly ending?: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Shares the event loop between tenants, whose templates may take milliseconds an event. Default: those of its own. */
  readonly turns?: Turns;
}

/** What a pass has come to. */
export interface WorkflowPassOutcome {
  readonly delivered: number;
  readonly failed: number;
  /** Events tried that had been tried before. */
  readonly retried: number;
  /** Bytes of the events sent. */
  readonly bytes: number;
  readonly seconds: number;
  readonly batch: BatchRef;
  /** Names the redrive or the replay that they are delivered again by. */
  readonly cause?: string;
}

/** Until the next pass, where Temporal refuses whatever it is given. */
const FAILING_PAUSE_MS = 5_000;

/**
 * Builds the activity that starts or signals the tenant's own workflows: those of different ids side by side, the events
 * of one id one after the other in the order of the batch. What a lost attempt had done is in its heartbeat, and what that
 * has missed is recognised by Temporal.
 */
export function createWorkflowPass(options: WorkflowPassOptions): PassActivities['workflowPass'] {
  /** By subscription: as many as this process has made passes of, until they are removed. */
  const flows = new Map<string, Concurrency>();
  const now = options.now ?? Date.now;
  const turns = options.turns ?? new Turns();
  return async (input) => {
    const began = performance.now();
    const { tenant, subscription, batch } = input;
    const key = `${tenant}/${subscription}`;
    const tally = new Tally(input.pending, batch.events);
    const config = options.configOf(tenant).subscriptions.find(({ name }) => name === subscription);
    if (config?.kind !== 'workflow') {
      flows.delete(key);
      tally.giveUpAll('subscription-removed', 'The subscription is not configured any more.');
      return tally.result(now());
    }
    tally.waitAtMost((attempts) => longestRetryPauseMs(config.retry, attempts), now());
    const lines = await linesOf(options.batchStore, batch);
    const journal = new DeliveryJournal();
    resumePass(batch, lines, tally, journal, now());
    if (lines === undefined) {
      tally.giveUpAll('expired', 'The file of the batch is gone or damaged.');
      return tally.result(now());
    }
    const concurrency = flows.get(key) ?? new Concurrency(now);
    flows.set(key, concurrency);
    const run = await signalAll(options, input, { config, lines, tally, journal, concurrency, turns });
    const result = paused(tally.result(now()), run);
    await keepJournal(options, input, journal);
    const { delivered, failed } = result;
    const { retried, bytes } = run;
    const seconds = (performance.now() - began) / 1000;
    const { cause } = input;
    options.observe(tenant, subscription, { delivered, failed, retried, bytes, seconds, batch, cause });
    return result;
  };
}

interface PassParts {
  readonly config: WorkflowConfig;
  readonly lines: TextLines;
  readonly tally: Tally;
  readonly journal: DeliveryJournal;
  readonly concurrency: Concurrency;
  readonly turns: Turns;
}

async function signalAll(
  options: WorkflowPassOptions,
  input: PassInput,
  { config, lines, tally, journal, concurrency, turns }: PassParts,
): Promise<SignalRun> {
  const { now = Date.now } = options;
  const templates = createTemplates(input.tenant, config, options.queues);
  const failures = new ExpressionFailures();
  const work = new OrderedWork({
    due: tally.due(now()),
    notDue: tally.notDue(now()),
    address: (line, attempts) => {
      const addressed = addressOf(templates, lines.at(line), input.batch.stream);
      if (!(addressed instanceof Error)) return { line, attempts, ...addressed };
      tally.undeliverable(line, attempts, addressed.message);
      if (addressed instanceof TemplateFailure)
        failures.add('template', `${config.name}.${addressed.field}`, addressed.code);
      return undefined;
    },
    onHeld: (line) => tally.hold(line),
  });
  const end = endOfPass(options);
  const heartbeats = setInterval(() => heartbeatOf(tally), HEARTBEAT_EVERY_MS);
  try {
    const run = new SignalRun({
      config,
      tally,
      journal,
      lines,
      concurrency,
      now,
      ending: end.signal,
      work,
      next: () => turns.stepByStep(input.tenant, work.next()),
      signal: (event, cloudEvent) => options.signal(input, event, cloudEvent),
      onTried: (tried) => options.onTried?.(input.tenant, config.name, tried),
    });
    await run.run();
    return run;
  } finally {
    const failed = failures.list();
    if (failed.length > 0) options.onFailures?.(input.tenant, failed);
    clearInterval(heartbeats);
    end.clear();
  }
}

/** The event and its workflow; why there is none, where a template fails or the line is not an event. */
function addressOf(
  templates: Templates,
  line: string,
  stream: Stream,
): Pick<AddressedEvent, 'row' | 'target'> | Error {
  try {
    const row = deliveredEvent(line, stream);
    return { row, target: templates(row) };
  } catch (error) {
    if (error instanceof SyntaxError) return new Error('The line of the batch file is not an event.');
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function paused(result: PassResult, { failing }: SignalRun): PassResult {
  if (!failing || result.pending.length === 0) return result;
  return { ...result, retryAfterMs: Math.max(result.retryAfterMs ?? 0, FAILING_PAUSE_MS) };
}

import type { SecretReader } from '../../config.js';
import { HeadgateError, messageOf } from '../../errors.js';
import type { Logger } from '../../platform/logger.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import type { DeliveryLog } from '../../stores/delivery-log/delivery-log.js';
import { DeliveryJournal } from '../../stores/delivery-log/journal.js';
import type { PushConfig } from '../../tenants/config/subscription-config.js';
import type { TenantConfig } from '../../tenants/config/tenant-config.js';
import type { Tracing } from '../../tracing/tracing.js';
import type { PassInput, PassResult } from '../../workflows/messages/deliveries.js';
import type { TextLines } from '../../events/ndjson.js';
import { linesOf } from '../../stores/batch-store/batch-lines.js';
import { keepJournal } from '../deliveries/keep-journal.js';
import { endOfPass } from '../deliveries/pass-end.js';
import type { PassActivities } from '../deliveries/pass.js';
import { HEARTBEAT_EVERY_MS, heartbeatOf, resumePass } from '../deliveries/progress.js';
import type { PushControl, PushObserver } from './control.js';
import { credentialsOf, type Credentials } from './credentials.js';
import { longestPauseMs, PassRun, type StopReason } from './pass-run.js';
import { heldForMs, resumeReceiver, type Receiver, type Receivers } from './receivers.js';
import { Tally } from '../deliveries/tally.js';
import { Work } from './work.js';

/** What {@link createPushPass} needs. */
export interface PushPassOptions {
  /** The tenant's configuration as it is now. */
  readonly configOf: (tenant: string) => TenantConfig;
  readonly batchStore: BatchStore;
  readonly deliveryLog: DeliveryLog;
  readonly receivers: Receivers;
  readonly control: PushControl;
  readonly observer: PushObserver;
  readonly secretOf: SecretReader;
  /** Follows requests whose events are followed. Default: none. */
  readonly tracing?: Pick<Tracing, 'post'>;
  readonly log: Pick<Logger, 'warn'>;
  /** Aborted when this process begins to end: passes take up nothing more. Default: never. */
  readonly ending?: AbortSignal;
  /** How long a pass takes up work. Default 60 s. */
  readonly passMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** 0 to 1. */
  readonly random?: () => number;
}

/** Until the next look, where this process knows that nothing may be posted but the queue has handed a pass out. */
const STOPPED_PAUSE_MS = 30_000;

/**
 * Builds the activity that posts what is pending of a batch to a push subscription's webhook. It ends after a
 * minute or when something stands against going on, and returns what is left. Cancelled, it returns too, for an error would
 * forget what was delivered.
 */
export function createPushPass(options: PushPassOptions): PassActivities['pushPass'] {
  const now = options.now ?? Date.now;
  return async (input) => {
    const began = performance.now();
    const { tenant, subscription, batch } = input;
    const tally = new Tally(input.pending, batch.events);
    const config = options.configOf(tenant).subscriptions.find(({ name }) => name === subscription);
    if (config?.kind !== 'push') {
      tally.giveUpAll('subscription-removed', 'The subscription is not configured any more.');
      return tally.result(now());
    }
    tally.waitAtMost((attempts) => longestPauseMs(config, attempts), now());
    const journal = new DeliveryJournal();
    const lines = await linesOf(options.batchStore, batch);
    resumePass(batch, lines, tally, journal, now());
    if (lines === undefined) {
      tally.giveUpAll(
        'expired',
        'The file of the batch is gone or damaged: its retention is over, or somebody has changed it.',
      );
      return tally.result(now());
    }
    try {
      const receiver = options.receivers.of(tenant, subscription);
      if (resumeReceiver(receiver, input.resumedAt ?? 0, now()))
        options.control.resumed(tenant, subscription);
      const result = await makePass(options, input, { config, receiver, lines, tally, journal });
      await keepJournal(options, input, journal);
      return result;
    } finally {
      options.observer.passed(tenant, subscription, (performance.now() - began) / 1000);
    }
  };
}

interface PassParts {
  readonly config: PushConfig;
  readonly receiver: Receiver;
  readonly lines: TextLines;
  readonly tally: Tally;
  readonly journal: DeliveryJournal;
}

async function makePass(options: PushPassOptions, input: PassInput, parts: PassParts): Promise<PassResult> {
  const { now = Date.now, random = Math.random, control, observer } = options;
  const { config, receiver, lines, tally, journal } = parts;
  const credentials = await credentialsOrFault(options, input, config);
  const { tenant, batch } = input;
  const work = new Work({
    due: tally.due(now()),
    lineAt: (line) => lines.at(line),
    stream: batch.stream,
    config,
    onUndeliverable: (line, attempts, detail) => tally.undeliverable(line, attempts, detail),
  });
  const until = endOfPass(options);
  const heartbeats = setInterval(() => heartbeatOf(tally), HEARTBEAT_EVERY_MS);
  try {
    const run = new PassRun({
      tenant,
      batch,
      cause: input.cause,
      config,
      receiver,
      work,
      tally,
      journal,
      control,
      observer,
      tracing: options.tracing,
      now,
      random,
      ...credentials,
      ending: until.signal,
    });
    const stopped = await run.run();
    const settled = await Promise.allSettled(run.told);
    for (const told of settled) if (told.status === 'rejected') untold(options, input, told.reason);
    const wanted = {
      stopped,
      idle: run.requests === 0,
      untold: settled.some(({ status }) => status === 'rejected'),
    };
    return paused(tally.result(now()), receiver, wanted, now());
  } finally {
    clearInterval(heartbeats);
    until.clear();
  }
}

/** How the end of a pass came about. */
interface End {
  readonly stopped: StopReason | undefined;
  /** No request was made. */
  readonly idle: boolean;
  /** Something that the queue should know did not get there. */
  readonly untold: boolean;
}

/**
 * The result with how long to wait. Where the breaker or a disabled subscription stops passes it is the queue's rate that
 * holds the next one back; until that has happened, a pass that could do nothing must not come back at once.
 */
function paused(result: PassResult, receiver: Receiver, end: End, now: number): PassResult {
  if (result.pending.length === 0) return result;
  const { openUntil = now + 1_000 } = receiver.breaker.stateAt(now);
  const atLeastMs = Math.max(
    heldForMs(receiver, now),
    end.stopped === 'breaker' && end.idle ? openUntil - now : 0,
    end.untold || (end.stopped === 'stopped' && end.idle) ? STOPPED_PAUSE_MS : 0,
  );
  const retryAfterMs = Math.ceil(Math.max(result.retryAfterMs ?? 0, atLeastMs));
  return retryAfterMs > 0 ? { ...result, retryAfterMs } : result;
}

/** What keeps every pass from posting is told as the subscription's state: its tenant would wait, and see nothing. */
async function credentialsOrFault(
  options: PushPassOptions,
  input: PassInput,
  config: PushConfig,
): Promise<Credentials> {
  const { tenant, subscription } = input;
  try {
    return credentialsOf(tenant, config, options.secretOf);
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error;
    try {
      await options.control.fault(tenant, subscription, `${error.code}: ${error.message}`);
    } catch (failure) {
      untold(options, input, failure);
    }
    throw error;
  }
}

function untold({ log }: PushPassOptions, { tenant, subscription }: PassInput, error: unknown): void {
  log.warn('SUBSCRIPTION_STATUS_NOT_SET', { tenant, subscription, reason: messageOf(error) });
}

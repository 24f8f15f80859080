import type { FaultCode } from '../expressions/fault.js';
import { ExpressionFailures, type ExpressionFailure } from '../expressions/failures.js';
import { isUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { Steps, Turns } from '../platform/event-loop-turns.js';
import { LineSet } from '../events/line-set.js';
import type { PullConfig } from '../tenants/config/subscription-config.js';
import type { PassResult } from '../workflows/messages/deliveries.js';
import { BatchLines } from './batch-lines.js';
import { LeaseTable, type LeaseTableOptions } from './lease-table.js';
import { LeasedBatch, type LeasedBatchEnd } from './leased-batch.js';
import type { HeldPass } from './leased-batch-source.js';
import { compileOrderingKey, type OrderingKey } from './ordering.js';

/** What {@link openLeasedBatch} needs beside the pass. */
export interface OpenLeasedBatchOptions {
  readonly batchStore: Pick<BatchStore, 'read'>;
  readonly config: PullConfig;
  readonly onEnd: (batch: LeasedBatch, end: LeasedBatchEnd) => void;
  /** Shares the event loop between tenants: an ordering key may take milliseconds an event. */
  readonly turns: Turns;
  /** Called with events that have no ordering key since it failed on them, if there are any. */
  readonly onFailures?: (failures: readonly ExpressionFailure[]) => void;
}

/**
 * Makes a leased batch of a pass: reads its events. Undefined when they are gone or damaged; the pass is then completed
 * with dead letters.
 */
export async function openLeasedBatch(
  pass: HeldPass,
  options: OpenLeasedBatchOptions,
): Promise<LeasedBatch | undefined> {
  const { batch, subscription } = pass.input;
  const { config, onEnd, onFailures, turns } = options;
  let content: Buffer;
  try {
    content = await options.batchStore.read(batch);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await pass.complete(expired(untouched(pass), error.message));
    return undefined;
  }
  const lines = new BatchLines(content, batch.events, batch.stream);
  const { maxAttempts, orderingKey } = config;
  const failures = new ExpressionFailures();
  const onFailure = (code: FaultCode): void => failures.add('ordering-key', subscription, code);
  const keys =
    orderingKey &&
    (await turns.stepByStep(batch.tenant, keysOf(compileOrderingKey(orderingKey, onFailure), pass, lines)));
  const table = new LeaseTable({
    ...tableOf(pass),
    maxAttempts,
    detail: `Handed out ${maxAttempts} times and never acknowledged in time.`,
    keyOf: keys ? (line) => keys.get(line) : undefined,
  });
  const failed = failures.list();
  if (failed.length > 0) onFailures?.(failed);
  return new LeasedBatch({ pass, table, lines, onEnd });
}

/** The result of a pass in which nothing was done. */
export function untouched(pass: HeldPass): PassResult {
  return new LeaseTable({ ...tableOf(pass), maxAttempts: Number.MAX_SAFE_INTEGER }).result();
}

function tableOf({ input, record }: HeldPass): Pick<LeaseTableOptions, 'lines' | 'pending' | 'record'> {
  return { lines: input.batch.events, pending: input.pending, record };
}

function expired({ pending, ...result }: PassResult, detail: string): PassResult {
  return { ...result, pending: [], dead: pending.map((group) => ({ ...group, reason: 'expired', detail })) };
}

/** The ordering keys of what is pending. */
function* keysOf(
  keyOf: OrderingKey,
  { input: { batch, pending } }: HeldPass,
  lines: BatchLines,
): Steps<ReadonlyMap<number, string | undefined>> {
  const keys = new Map<number, string | undefined>();
  for (const group of pending)
    for (const line of LineSet.decode(group.lines, batch.events)) {
      keys.set(line, keyOf(lines.event(line)));
      yield;
    }
  return keys;
}

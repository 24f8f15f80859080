import type { ParseResult } from '@marcbachmann/cel-js';
import { messageOf } from '../../errors.js';
import type { EventRow } from '../../event.js';
import { celEvent } from '../../rules/cel-event.js';
import { createEnvironment } from '../../rules/environment.js';
import type { WorkflowConfig } from '../../tenant-config/subscription-config.js';
import { mayUseQueue, queueRefusal, type AllowedQueue } from '../../tenant-config/workflow-queue.js';
import { ownWorkflowId } from '../../tenant.js';
import { DEAD_LETTER, DELIVER } from '../../workflows/delivery-messages.js';
import { INGEST_BATCH, LOAD_WINDOW } from '../../workflows/messages.js';
import { REPLAY } from '../../workflows/replay-messages.js';
import { RESOLVE_DEAD_LETTERS } from '../../workflows/resolve-messages.js';

/** What an event starts or signals. */
export interface WorkflowTarget {
  readonly workflow: string;
  readonly taskQueue: string;
  /** `own/<tenant>/<id>`: never an id of another tenant's workflow, nor of one of Headgate's own. */
  readonly id: string;
  readonly signal: string;
}

/** Bytes of UTF-8: Temporal takes 1,000 of an id, to which the tenant is added, and calls them characters. */
const MAX_BYTES = { workflow: 255, taskQueue: 255, id: 900, signal: 255 } as const;

/** Headgate's own workflow types: its lists, receipts and sweeps take what has one of them for theirs. */
const OWN_TYPES: ReadonlySet<string> = new Set([
  INGEST_BATCH,
  LOAD_WINDOW,
  DELIVER,
  DEAD_LETTER,
  RESOLVE_DEAD_LETTERS,
  REPLAY,
]);

/** Fills in the templates of a workflow subscription. */
export type Templates = (event: EventRow) => WorkflowTarget;

/**
 * Compiles the templates of a workflow subscription; they were checked with the tenant's file.
 * @param queues that are not the tenant's own and may be used all the same
 * What it gives throws an Error in plain words when a template fails on an event, or gives what cannot be a name.
 */
export function createTemplates(
  tenant: string,
  config: WorkflowConfig,
  queues: readonly AllowedQueue[],
): Templates {
  const environment = createEnvironment('event');
  const { workflow, taskQueue, id, signal } = config;
  const parsed = Object.entries({ workflow, taskQueue, id, signal }).map(
    ([name, source]) => [name as keyof WorkflowTarget, environment.parse(source)] as const,
  );
  return (event) => {
    const filled = Object.fromEntries(parsed.map(([name, run]) => [name, fill(name, run, event)]));
    const target = filled as Record<keyof WorkflowTarget, string>;
    // Nothing that comes out of an event may reach another tenant's Worker.
    if (!mayUseQueue(tenant, target.taskQueue, queues))
      throw new Error(`"taskQueue": ${queueRefusal(tenant, target.taskQueue)}`);
    if (OWN_TYPES.has(target.workflow))
      throw new Error(
        `"workflow" gives ${JSON.stringify(target.workflow)}, which is a workflow type of Headgate's own`,
      );
    return { ...target, id: ownWorkflowId(tenant, target.id) };
  };
}

function fill(name: keyof WorkflowTarget, run: ParseResult, event: EventRow): string {
  let value: unknown;
  try {
    value = run({ event: celEvent(event) });
  } catch (error) {
    const { summary } = error as { summary?: string };
    throw new Error(`"${name}" fails: ${summary ?? messageOf(error)}`, { cause: error });
  }
  if (typeof value !== 'string' || value === '') throw new Error(`"${name}" gives no text`);
  if (Buffer.byteLength(value) <= MAX_BYTES[name]) return value;
  throw new Error(`"${name}" gives a text of more than ${MAX_BYTES[name]} bytes`);
}

import type { EventRow } from '../../events/event.js';
import { Budget } from '../../expressions/budget.js';
import { compileExpression } from '../../expressions/compile.js';
import type { CompiledExpression } from '../../expressions/expression.js';
import { Fault, type FaultCode } from '../../expressions/fault.js';
import { celEvent } from '../../rules/cel-event.js';
import type { WorkflowConfig } from '../../tenants/config/subscription-config.js';
import { mayUseQueue, queueRefusal, type AllowedQueue } from '../../tenants/config/workflow-queue.js';
import { ownWorkflowId } from '../../tenants/workflow-ids.js';
import { DEAD_LETTER, DELIVER } from '../../workflows/messages/deliveries.js';
import { INGEST_BATCH, LOAD_WINDOW } from '../../workflows/messages/batches.js';
import { REPLAY } from '../../workflows/messages/replays.js';
import { RESOLVE_DEAD_LETTERS } from '../../workflows/messages/resolve.js';

/** What an event starts or signals. */
export interface WorkflowTarget {
  readonly workflow: string;
  readonly taskQueue: string;
  /** `own/<tenant>/<id>`: never an id of another tenant's workflow, nor of one of Headgate's own. */
  readonly id: string;
  readonly signal: string;
}

/** A template of a workflow subscription fails on an event, or gives what cannot be a name; its message says so in plain words. */
export class TemplateFailure extends Error {
  constructor(
    readonly field: keyof WorkflowTarget,
    readonly code: FaultCode,
    what: string,
  ) {
    super(`"${field}"${what}`);
  }
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
 * What it gives throws a {@link TemplateFailure}.
 */
export function createTemplates(
  tenant: string,
  config: WorkflowConfig,
  queues: readonly AllowedQueue[],
): Templates {
  const { workflow, taskQueue, id, signal } = config;
  const parsed = Object.entries({ workflow, taskQueue, id, signal }).map(
    ([name, source]) => [name as keyof WorkflowTarget, compile(name, source)] as const,
  );
  return (event) => {
    const context = { event: celEvent(event) };
    const filled = Object.fromEntries(parsed.map(([name, run]) => [name, fill(name, run, context)]));
    const target = filled as Record<keyof WorkflowTarget, string>;
    // Nothing that comes out of an event may reach another tenant's Worker.
    if (!mayUseQueue(tenant, target.taskQueue, queues))
      throw new TemplateFailure('taskQueue', 'INVALID_VALUE', `: ${queueRefusal(tenant, target.taskQueue)}`);
    if (OWN_TYPES.has(target.workflow)) {
      const given = JSON.stringify(target.workflow);
      const what = ` gives ${given}, which is a workflow type of Headgate's own`;
      throw new TemplateFailure('workflow', 'INVALID_VALUE', what);
    }
    return { ...target, id: ownWorkflowId(tenant, target.id) };
  };
}

function compile(name: string, source: string): CompiledExpression {
  const { expression, problem } = compileExpression(source, 'event');
  if (problem !== undefined) throw new Error(`"${name}" is not an expression: ${problem.message}`);
  return expression;
}

function fill(name: keyof WorkflowTarget, template: CompiledExpression, context: { event: object }): string {
  const value = template.run(context, new Budget());
  if (value instanceof Fault)
    throw new TemplateFailure(name, value.code, ` fails: ${value.reason.replace(/^error: /, '')}`);
  if (typeof value !== 'string' || value === '')
    throw new TemplateFailure(name, 'INVALID_VALUE', ' gives no text');
  if (Buffer.byteLength(value) <= MAX_BYTES[name]) return value;
  throw new TemplateFailure(name, 'OUT_OF_RANGE', ` gives a text of more than ${MAX_BYTES[name]} bytes`);
}

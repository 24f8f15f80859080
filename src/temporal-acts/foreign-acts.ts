import type { temporal } from '@temporalio/proto';
import proto from '@temporalio/proto';
import type { Act } from '../audit-log/entry.js';
import { isOwnIdentity } from '../platform/own-identity.js';
import { tenantOfWorkflow } from '../tenants/workflow-ids.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** A run of a workflow of Headgate's. */
export interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/** An act that was made in Temporal, and where the history says so. */
export interface ForeignAct {
  /** No other act has it: the run's id and the event's number. */
  readonly key: string;
  readonly act: Act;
}

const { WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW: RESET } =
  proto.temporal.api.enums.v1.WorkflowTaskFailedCause;

/** Who ends the run that a reset takes the place of: the reset has an entry. */
const RESETTER = 'history-resetter';
/** Whom Temporal names where it does not record who asked. */
const SERVER = 'history-service';

/**
 * What others than Headgate have done to a run, by events of its history. Left out is what a reset has taken over from the
 * run before: that run's history has it too.
 * @param events in their order, of one stretch of the history
 */
export function foreignActsIn(run: Run, events: readonly HistoryEvent[]): ForeignAct[] {
  const reset = events.findLastIndex(isReset);
  const taskAfter = events.findIndex((event, at) => at > reset && event.workflowTaskScheduledEventAttributes);
  return events.flatMap((event, at) => {
    if (at < reset || (reset >= 0 && at > reset && at < taskAfter)) return [];
    const done = doneBy(event);
    return done === undefined ? [] : [actOf(run, event, done)];
  });
}

/** Whether an event begins what a reset has made of a run. */
export function isReset({ workflowTaskFailedEventAttributes: failed }: HistoryEvent): boolean {
  return failed?.cause === RESET;
}

/** What an event says of the act that has caused it. */
interface Done {
  readonly act: string;
  readonly identity?: string | null;
  readonly reason?: string | null;
  readonly params?: Readonly<Record<string, string>>;
}

function doneBy(event: HistoryEvent): Done | undefined {
  const done = signalled(event) ?? cancelled(event) ?? terminated(event) ?? wasReset(event);
  return done === undefined || isOwnIdentity(done.identity ?? '') ? undefined : done;
}

function signalled({ workflowExecutionSignaledEventAttributes: signal }: HistoryEvent): Done | undefined {
  return signal
    ? { act: 'temporal.signal', ...signal, params: { signal: signal.signalName ?? '' } }
    : undefined;
}

function cancelled({
  workflowExecutionCancelRequestedEventAttributes: cancel,
}: HistoryEvent): Done | undefined {
  return cancel ? { act: 'temporal.cancel', identity: cancel.identity, reason: cancel.cause } : undefined;
}

function terminated({ workflowExecutionTerminatedEventAttributes: end }: HistoryEvent): Done | undefined {
  if (!end || end.identity === RESETTER) return undefined;
  return { act: 'temporal.terminate', identity: end.identity, reason: end.reason };
}

function wasReset(event: HistoryEvent): Done | undefined {
  const { workflowTaskFailedEventAttributes: failed } = event;
  if (!failed || !isReset(event)) return undefined;
  const { identity, failure, baseRunId } = failed;
  return {
    act: 'temporal.reset',
    identity,
    reason: failure?.message,
    params: baseRunId ? { baseRunId } : {},
  };
}

function actOf({ workflowId, runId }: Run, event: HistoryEvent, { act, ...done }: Done): ForeignAct {
  const number = String(event.eventId);
  const { name } = event.principal ?? {};
  const identity = done.identity && done.identity !== SERVER ? done.identity : undefined;
  return {
    key: keyOf(runId, number),
    act: {
      act,
      kind: 'changes',
      role: 'temporal',
      tenant: tenantOfWorkflow(workflowId),
      // Temporal vouches for the principal alone.
      subject: name || identity,
      params: {
        workflowId,
        runId,
        event: number,
        ...done.params,
        ...(name && identity && { identity }),
      },
      reason: done.reason ?? undefined,
      outcome: 'ok',
      at: timeOf(event),
    },
  };
}

function timeOf({ eventTime }: HistoryEvent): string {
  return new Date(
    Number(eventTime?.seconds ?? 0) * 1000 + Math.floor((eventTime?.nanos ?? 0) / 1e6),
  ).toISOString();
}

/** The {@link ForeignAct.key | key} of an entry of the log; undefined for one that is of no act made in Temporal. */
export function keyOfEntry({ role, params }: Pick<Act, 'role' | 'params'>): string | undefined {
  if (role !== 'temporal' || params?.runId === undefined || params.event === undefined) return undefined;
  return keyOf(params.runId, params.event);
}

function keyOf(runId: string, event: string): string {
  return `${runId}/${event}`;
}

import {
  proxySinks,
  workflowInfo,
  type ActivateInput,
  type WorkflowInterceptors,
} from '@temporalio/workflow';
import { isOwnIdentity } from '../platform/own-identity.js';
import { TOUCHED_RUNS, type TouchedRunSinks } from './messages/touched-runs.js';

type Job = NonNullable<ActivateInput['activation']['jobs']>[number];

const sinks = proxySinks<TouchedRunSinks>();

/**
 * Tells the Worker of runs that may have been touched by somebody else, before the workflow task is answered: after a crash
 * the task comes again, and is told again. Makes no commands, and so changes no history. Who it was and how is looked up
 * elsewhere: this costs a look at the jobs of each task.
 */
export const interceptors = (): WorkflowInterceptors => {
  /** A reset has made this run, and its first task that is new to it has not come yet. */
  let isReset = false;
  return {
    internals: [
      {
        activate: (input, next) => {
          const jobs = input.activation.jobs ?? [];
          isReset ||= jobs.some(beginsReset);
          const isNew = !workflowInfo().unsafe.isReplaying;
          if ((isNew && isReset) || jobs.some(isTouch)) sinks[TOUCHED_RUNS].touched();
          if (isNew) isReset = false;
          next(input);
        },
      },
    ],
  };
};

/** Requests to cancel have no identity here: Headgate's own are told apart in the history. */
function isTouch({ signalWorkflow, cancelWorkflow }: Job): boolean {
  if (signalWorkflow) return !isOwnIdentity(signalWorkflow.identity ?? '');
  return Boolean(cancelWorkflow);
}

/** The first event of a run is its own, but for one that a reset has copied. */
function beginsReset({ initializeWorkflow }: Job): boolean {
  const original = initializeWorkflow?.originalExecutionRunId;
  return Boolean(original) && original !== workflowInfo().runId;
}

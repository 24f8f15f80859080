import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { HeldTasks } from '../recovery/journal.js';

/**
 * Notes each activity task while it runs, so that the next process can give back what a killed one held. Local
 * activities belong to the workflow task they run in, and have no task of their own.
 */
export function noteTasks(holdings: HeldTasks): ActivityInterceptorsFactory {
  return ({ info: { isLocal, taskToken } }) => {
    if (isLocal) return {};
    return {
      inbound: {
        execute: async (input, next) => {
          holdings.taken(taskToken);
          try {
            return await next(input);
          } finally {
            holdings.ended(taskToken);
          }
        },
      },
    };
  };
}

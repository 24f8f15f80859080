import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { entriesOfAttempt } from '../stores/usage/entries.js';
import type { UsageRecorder } from '../stores/usage/recorder.js';
import { tenantOfWorkflow } from '../tenants/workflow-ids.js';

/**
 * Counts each attempt of an activity before Temporal knows how it has ended: if this process dies in between, the next
 * attempt counts the same under the same name. Of local activities only the time is counted, without a write of its own.
 */
export function countAttempts(usage: Pick<UsageRecorder, 'count' | 'spent'>): ActivityInterceptorsFactory {
  return ({ info }) => {
    const { workflowId, runId } = info.workflowExecution ?? { workflowId: '', runId: '' };
    const tenant = tenantOfWorkflow(workflowId);
    if (tenant === undefined) return {};
    const of = { ...info, workflowId, runId, workflowType: info.workflowType ?? '' };
    return {
      inbound: {
        execute: async (input, next) => {
          const began = performance.now();
          let result: unknown;
          try {
            return (result = await next(input));
          } finally {
            const seconds = (performance.now() - began) / 1000;
            const [argument] = input.args;
            if (info.isLocal) usage.spent(tenant, seconds * 1e6);
            else
              await usage.count(entriesOfAttempt(of, { seconds, input: argument, result, now: Date.now() }));
          }
        },
      },
    };
  };
}

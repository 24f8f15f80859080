import { workflowPage, type TemporalUi } from '../temporal/workflow-page.js';
import type { DeadLetterMemo } from '../workflows/messages/deliveries.js';
import type { VisibleDeadLetter } from './visible.js';

/** A dead letter as lists show it. */
export interface DeadLetterSummary extends Omit<DeadLetterMemo, 'parkedAt' | 'expiresAt'> {
  /** By which it is shown, redriven and discarded. */
  readonly id: string;
  readonly workflowId: string;
  readonly subscription: string;
  /** When its events were given up, RFC 3339. */
  readonly parkedAt: string;
  /** When they will be for good, RFC 3339. */
  readonly expiresAt: string;
  /** The workflow's page in the Temporal UI, where one is known. */
  readonly url?: string;
}

/** What a list shows of a dead letter. */
export function summaryOf(ui: TemporalUi, deadLetter: VisibleDeadLetter): DeadLetterSummary {
  const { id, workflowId, runId, subscription, memo } = deadLetter;
  const url = workflowPage(ui, workflowId, runId);
  return {
    id,
    workflowId,
    subscription,
    ...memo,
    parkedAt: new Date(memo.parkedAt).toISOString(),
    expiresAt: new Date(memo.expiresAt).toISOString(),
    ...(url !== undefined && { url }),
  };
}

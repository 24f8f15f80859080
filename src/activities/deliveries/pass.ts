import type { PassInput, PassResult } from '../../workflows/messages/deliveries.js';

/** The passes over a batch, by kind of subscription. */
export interface PassActivities {
  /** Posts events to the subscription's webhook. */
  pushPass(input: PassInput): Promise<PassResult>;
  /** Starts or signals the tenant's own workflows. */
  workflowPass(input: PassInput): Promise<PassResult>;
}

/**
 * The pass of a pull subscription. No Worker runs it: API processes take it from the subscription's queue when a
 * consumer asks for events, and complete it when all of them are acknowledged or dead.
 */
export interface PullPass {
  pullPass(input: PassInput): Promise<PassResult>;
}

import { proxyLocalActivities } from '@temporalio/workflow';

/** Some events of a tenant, as NDJSON: they pass through Temporal's history. */
export interface HandleInput {
  readonly tenant: string;
  readonly events: string;
}

/** What the workflow calls. */
export interface HandleActivities {
  /** Decides on the events and hands events and decisions on to be loaded; returns how many were decided on. */
  handle(input: HandleInput): Promise<number>;
}

/** A local activity: in an eagerly started workflow the cheapest way to have something done. */
const { handle } = proxyLocalActivities<HandleActivities>({ startToCloseTimeout: '10 seconds' });

/** A workflow per request, or per event. */
export async function handleEvents(input: HandleInput): Promise<number> {
  return handle(input);
}

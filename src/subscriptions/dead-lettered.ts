import type { Client } from '@temporalio/client';
import { DEAD_LETTER } from '../workflows/messages/deliveries.js';

/** No more are looked at: they are as many subscriptions at most. */
const MOST = 1_000;
/** Temporal's visibility may be so far behind. */
const BEHIND_MS = 5_000;

/**
 * The subscriptions that have had dead letters since a time, `<tenant>/<subscription>`: one that tries nothing again fails
 * without anything that waits for it.
 * @param since milliseconds since the epoch
 */
export async function deadLetteredSince(client: Client, since: number): Promise<Set<string>> {
  const from = new Date(since - BEHIND_MS).toISOString();
  const query = `WorkflowType = "${DEAD_LETTER}" AND StartTime > "${from}"`;
  const found = new Set<string>();
  let seen = 0;
  for await (const { workflowId } of client.workflow.list({ query, pageSize: MOST })) {
    if (++seen > MOST) break;
    // dead-letter/<tenant>/<subscription>/…
    found.add(workflowId.split('/', 3).slice(1).join('/'));
  }
  return found;
}

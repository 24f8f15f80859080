import type { Client } from '@temporalio/client';
import { askTemporal } from '../temporal/ask-temporal.js';
import { OWNER_WORKFLOW } from '../temporal/namespace-owner.js';
import { SPOOL_WORKFLOW } from '../temporal/spool-nodes.js';
import { INGEST_BATCH, LOAD_WINDOW } from '../workflows/messages/batches.js';
import { DEAD_LETTER, DELIVER } from '../workflows/messages/deliveries.js';
import { RELOAD } from '../workflows/messages/reloads.js';
import { REPLAY } from '../workflows/messages/replays.js';
import { RESOLVE_DEAD_LETTERS } from '../workflows/messages/resolve.js';
import type { Run } from './foreign-acts.js';

/** Workflows that somebody may end. Tenants' own are theirs. */
const TYPES = [
  INGEST_BATCH,
  LOAD_WINDOW,
  DELIVER,
  DEAD_LETTER,
  RESOLVE_DEAD_LETTERS,
  REPLAY,
  RELOAD,
  SPOOL_WORKFLOW,
  OWNER_WORKFLOW,
];

/** A stretch of time in milliseconds since the epoch, without its end. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Shorter ones are not cut in half: Temporal has no more in them than it can be asked for. */
const SHORTEST_MS = 1_000;

/**
 * The runs that were terminated in the first part of a stretch of time, and how far that part goes: so many as are read at
 * once, or a second of them.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function terminatedRuns(
  client: Client,
  stretch: Stretch,
  most: number,
): Promise<{ readonly runs: readonly Run[]; readonly to: number }> {
  const { from, to } = stretch;
  const isShort = to - from <= SHORTEST_MS;
  const runs = await list(client, stretch, isShort ? Number.POSITIVE_INFINITY : most + 1);
  if (runs.length <= most || isShort) return { runs, to };
  // Temporal lists in an order of its own.
  return terminatedRuns(client, { from, to: from + Math.ceil((to - from) / 2) }, most);
}

async function list(client: Client, { from, to }: Stretch, most: number): Promise<Run[]> {
  const types = TYPES.map((type) => `'${type}'`).join(', ');
  const query = `ExecutionStatus = 'Terminated' AND WorkflowType IN (${types}) AND CloseTime >= '${at(from)}' AND CloseTime < '${at(to)}'`;
  return askTemporal(client, async () => {
    const runs: Run[] = [];
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      runs.push({ workflowId, runId });
      if (runs.length >= most) break;
    }
    return runs;
  });
}

function at(time: number): string {
  return new Date(time).toISOString();
}

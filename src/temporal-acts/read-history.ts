import { isGrpcServiceError, type Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { askTemporal } from '../temporal/ask-temporal.js';
import { foreignActsIn, isReset, type ForeignAct, type Run } from './foreign-acts.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

const PAGE_EVENTS = 200;
/** Histories of Headgate's have some hundred events: of one that has far more, the latest are read. */
const MAX_PAGES = 25;
/** gRPC codes: Temporal has it no more; the report of it was made up. */
const NOTHING_THERE = [5, 3];

/**
 * What others have done to a run between two of its workflow tasks: the one that ended last before its history was
 * `historyLength` long, and that length.
 * @param historyLength default: the end of the history
 * @returns nothing, where Temporal does not have the history any more
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function foreignActs(
  client: Client,
  run: Run,
  historyLength = Number.POSITIVE_INFINITY,
): Promise<ForeignAct[]> {
  const newest: HistoryEvent[] = [];
  let page: Uint8Array | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const { events, next } = await readBack(client, run, page);
    for (const event of events) {
      const number = Number(event.eventId);
      if (number > historyLength) continue;
      const isBefore = event.workflowTaskCompletedEventAttributes && number < historyLength;
      if (isBefore) return foreignActsIn(run, newest.toReversed());
      newest.push(event);
      if (isReset(event)) return foreignActsIn(run, newest.toReversed());
    }
    if (next === undefined) break;
    page = next;
  }
  return foreignActsIn(run, newest.toReversed());
}

/** The latest events, the last first. */
async function readBack(
  client: Client,
  execution: Run,
  nextPageToken?: Uint8Array,
): Promise<{ readonly events: readonly HistoryEvent[]; readonly next?: Uint8Array }> {
  const { namespace } = client.options;
  return askTemporal(client, async () => {
    try {
      const page = await client.workflowService.getWorkflowExecutionHistoryReverse({
        namespace,
        execution,
        maximumPageSize: PAGE_EVENTS,
        nextPageToken,
      });
      const next = page.nextPageToken;
      return { events: page.history?.events ?? [], ...(next?.length > 0 && { next }) };
    } catch (error) {
      if (isGrpcServiceError(error) && NOTHING_THERE.includes(error.code)) return { events: [] };
      throw error;
    }
  });
}

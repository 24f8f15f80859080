import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { askTemporal } from './ask-temporal.js';

/** Type and queue of the workflow that is started to read Temporal's clock; no Worker has it. */
const CLOCK_WORKFLOW = 'headgate.clock';

/**
 * By how many milliseconds this machine's clock is ahead of Temporal's, or, below 0, behind: half a round trip off at most.
 * Temporal's protocol tells no time but that of what it has written, so a workflow is started that nobody runs, and ended.
 * @throws HeadgateError `ENGINE_UNAVAILABLE`
 */
export async function clockAheadMs(client: Client, now: () => number = Date.now): Promise<number> {
  return askTemporal(client, async () => {
    const sent = now();
    const handle = await client.workflow.start(CLOCK_WORKFLOW, {
      workflowId: `${CLOCK_WORKFLOW}/${randomUUID()}`,
      taskQueue: CLOCK_WORKFLOW,
      workflowRunTimeout: '1 minute',
      staticSummary: "Headgate compares its clock with Temporal's",
    });
    const halfway = (sent + now()) / 2;
    const { startTime } = await handle.describe();
    await handle.terminate("read; it has told Temporal's time");
    return Math.round(halfway - startTime.getTime());
  });
}

/**
 * Compares this machine's clock with Temporal's before anything is stamped by it, and says what it has found.
 * @param mostSeconds that they may be apart
 * @throws HeadgateError `CLOCK_WRONG`: they are further apart; `ENGINE_UNAVAILABLE`
 */
export async function assertClock(
  client: Client,
  { mostSeconds, log, now }: { mostSeconds: number; log: Pick<Logger, 'info' | 'warn'>; now?: () => number },
): Promise<void> {
  const aheadMs = await clockAheadMs(client, now);
  const offSeconds = Math.abs(aheadMs) / 1000;
  const found = `This machine's clock is ${offSeconds.toFixed(1)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} Temporal's`;
  if (offSeconds <= mostSeconds) {
    const fields = { aheadSeconds: aheadMs / 1000 };
    if (offSeconds > WARN_SECONDS) log.warn('CLOCK_OFF', fields);
    else log.info('CLOCK_COMPARED', fields);
    return;
  }
  throw new HeadgateError(
    'CLOCK_WRONG',
    `${found}: ids would be forgotten or load windows wait by it. Set the clocks right (NTP), or let Headgate start all ` +
      `the same with HEADGATE_MAX_CLOCK_DIFFERENCE_SECONDS=${Math.ceil(offSeconds) + 60}.`,
  );
}

const WARN_SECONDS = 2;

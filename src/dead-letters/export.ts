import { setTimeout as delay } from 'node:timers/promises';
import { askTemporal } from '../temporal/ask-temporal.js';
import type { DeadLetterFilter } from '../workflows/messages/resolve.js';
import { deadEventsOf, inputOf } from './contents.js';
import type { DeadLetterOptions } from './options.js';
import { visiblePage, type VisibleDeadLetter } from './visible.js';

/** Dead letters looked at in a call to visibility. */
const PAGE_SIZE = 200;
/** Between two calls to visibility, which many a Temporal grants ten of in a second, to everybody together. */
const PAUSE_MS = 250;
/** Events written out at a time. */
const EVENTS_AT_A_TIME = 500;

/**
 * All events of the dead letters that a filter matches, as NDJSON, a few hundred lines at a time: the next are read when
 * these are taken. One batch is in memory at a time. Each line is `{deadLetter, reason, detail, subscription, attempts,
 * event}`; a dead letter whose file is gone or damaged is one line, with `event` null and `unreadable` saying why, and so is
 * a line of a batch that is not an event.
 */
export async function* exportDeadLetters(
  options: DeadLetterOptions,
  tenant: string,
  filter: DeadLetterFilter,
): AsyncGenerator<string, void, undefined> {
  const { client } = options;
  let position: Uint8Array | undefined;
  do {
    const request = { tenant, filter, pageSize: PAGE_SIZE, position };
    const page = await askTemporal(client, () => visiblePage(client, request));
    for (const each of page.deadLetters) yield* linesOf(options, tenant, each);
    position = page.next;
    if (position !== undefined) await delay(PAUSE_MS);
  } while (position !== undefined);
}

async function* linesOf(
  { client, batchStore }: DeadLetterOptions,
  tenant: string,
  { id, subscription, memo, ...execution }: VisibleDeadLetter,
): AsyncGenerator<string, void, undefined> {
  const { workflowId, runId } = execution;
  const { reason, detail, attempts } = memo;
  const about = { deadLetter: id, reason, detail, subscription, attempts };
  const input = await askTemporal(client, () => inputOf(client, tenant, { workflowId, runId }));
  const { total, unreadable, slice } = await deadEventsOf(batchStore, input);
  if (unreadable !== undefined) yield `${JSON.stringify({ ...about, event: null, unreadable })}\n`;
  for (let from = 0; from < total; from += EVENTS_AT_A_TIME) {
    const events = slice(from, from + EVENTS_AT_A_TIME);
    if (events.length === 0) return;
    yield events
      .map(({ event, text }) => {
        const unreadable = text === undefined ? undefined : `It is not an event: ${text}`;
        return `${JSON.stringify({ ...about, event, unreadable })}\n`;
      })
      .join('');
  }
}

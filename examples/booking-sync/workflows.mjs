import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

/** What the subscription's `signal` template gives: an event of this booking, as a CloudEvent. */
const booking = defineSignal('booking');
/** What is known of the booking. */
const state = defineQuery('state');

const { applyToBooking } = proxyActivities({ startToCloseTimeout: '1 minute' });

/** Ids remembered, so that an event which is delivered again after the workflow has continued as new is not applied twice. */
const REMEMBERED = 1_000;

/**
 * A booking: applies its events one after the other, in the order they come. Headgate starts it with the first event, with
 * `{ tenant, subscription }` as its argument; `carried` is what it hands to itself when its history has grown long.
 */
export async function bookingSync(origin, carried = { applied: 0, seen: [], waiting: [] }) {
  const { seen, waiting } = carried;
  let { applied, last } = carried;
  setHandler(booking, (event) => {
    // An event is known by its source and id; an id alone may come from two sources.
    const key = `${event.source} ${event.id}`;
    if (seen.includes(key)) return;
    seen.push(key);
    if (seen.length > REMEMBERED) seen.shift();
    waiting.push(event);
  });
  setHandler(state, () => ({ applied, last }));

  // After an hour without an event it ends; the next event starts it again.
  while (await condition(() => waiting.length > 0, '1 hour')) {
    const [event] = waiting;
    await applyToBooking(origin.tenant, event);
    waiting.shift();
    applied++;
    last = event.type;
    if (workflowInfo().continueAsNewSuggested) await continueAsNew(origin, { applied, last, seen, waiting });
  }
  return { applied, last };
}

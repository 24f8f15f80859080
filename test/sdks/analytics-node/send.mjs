/**
 * Tracks events with a published analytics SDK, as a shop's backend would.
 *
 *   node send.mjs CLIENT HOST KEY COUNT [MILLISECONDS BETWEEN EVENTS]
 *
 * Prints a line `sent N` now and then, and in the end JSON: what the SDK says that it could not send.
 */
import { setTimeout as delay } from 'node:timers/promises';

const [client, host, key, count = '10', pause = '0'] = process.argv.slice(2);
const START = Date.UTC(2026, 2, 1, 10);

/** The event of a number: all that an application gives. */
const eventOf = (number) => ({
  userId: `u-${number % 50}`,
  event: 'Ticket Booked',
  properties: { number, price: number + 0.5, city: 'Zürich ☃' },
  timestamp: new Date(START + number * 1000),
  messageId: `${client}-${number}`,
});

const CLIENTS = {
  async 'segment-node'(failed) {
    const { Analytics } = await import('@segment/analytics-node');
    // A server retries for longer than a test has.
    const analytics = new Analytics({ writeKey: key, host, flushInterval: 500, maxRetries: 20 });
    analytics.on('error', ({ ctx, reason, code }) => failed(ctx?.event?.messageId, reason ?? code));
    return {
      identify: (userId, traits) =>
        analytics.identify({ userId, anonymousId: `anonymous-${userId}`, traits }),
      track: (event) => analytics.track(event),
      flush: () => analytics.closeAndFlush({ timeout: 120_000 }),
    };
  },
  async 'segment-node-6'(failed) {
    const { default: Analytics } = await import('analytics-node');
    const analytics = new Analytics(key, { host, flushInterval: 500, retryCount: 20 });
    // Without one it throws where nobody can catch it.
    analytics.errorHandler = () => undefined;
    return usual(analytics, failed);
  },
  async 'rudder-node'(failed) {
    const { default: Analytics } = await import('@rudderstack/rudder-sdk-node');
    const errorHandler = () => undefined;
    return usual(new Analytics(key, { dataPlaneUrl: host, flushInterval: 500, errorHandler }), failed);
  },
  async 'jitsu-node'() {
    const { jitsuAnalytics } = await import('@jitsu/js');
    const analytics = jitsuAnalytics({ host, writeKey: key });
    const open = new Set();
    const follow = (sending) => void open.add(Promise.resolve(sending).catch(() => undefined));
    return {
      identify: (userId, traits) => follow(analytics.identify(userId, traits)),
      track: ({ event, properties, ...more }) => follow(analytics.track(event, { ...properties, ...more })),
      flush: () => Promise.all(open),
    };
  },
};

/**
 * The two that have their methods from an older SDK of Segment's. Each event is waited for: RudderStack's `flush` resolves
 * while requests are under way (findings/rudder-node-flush-resolves-early.sh).
 */
function usual(analytics, failed) {
  const open = [];
  const follow = (send, message) =>
    open.push(
      new Promise((resolve) =>
        send.call(analytics, message, (error) => {
          if (error) failed(message.messageId, error.message ?? error);
          resolve();
        }),
      ),
    );
  return {
    identify: (userId, traits) =>
      follow(analytics.identify, { userId, anonymousId: `anonymous-${userId}`, traits }),
    track: (event) => follow(analytics.track, event),
    flush: () => Promise.all([analytics.flush(), ...open]),
  };
}

const failures = [];
const make = CLIENTS[client];
if (make === undefined) throw new Error(`There are: ${Object.keys(CLIENTS).join(', ')}.`);
const { identify, track, flush } = await make((id, reason) => failures.push({ id, reason: String(reason) }));
identify('u-1', { plan: 'silver', seats: 3 });
for (let number = 0; number < Number(count); number++) {
  track(eventOf(number));
  if (number % 20 === 19) console.log(`sent ${number + 1}`);
  if (pause !== '0') await delay(Number(pause));
}
await flush();
console.log(JSON.stringify({ client, failures }));
process.exit(0);

import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { LoadTenant } from '../load/spec.js';
import { startHeadgateWith } from '../system/headgate.js';
import type { System } from '../system/system.js';
import { createUsageRecorder } from '../../src/stores/usage/recorder.js';

const FLIGHTS = fileURLToPath(new URL('../../examples/flights/', import.meta.url));
const DAYS = 7;
const DAY_MS = 24 * 60 * 60 * 1000;
const REQUEST_EVENTS = 250;

/** The airline whose pages are opened: a fifth of the flights. */
export const TENANT = 'UA';

/** The airlines of the demo. */
export function airlines(): string[] {
  return readdirSync(join(FLIGHTS, 'tenants')).map((name) => name.replace(/\.yaml$/, ''));
}

/** Writes their files; that of {@link TENANT} with a webhook that fails, one that does not, and a queue. */
function writeAirlines(directory: string, receiver: string): void {
  mkdirSync(directory, { recursive: true });
  for (const tenant of airlines())
    copyFileSync(join(FLIGHTS, 'tenants', `${tenant}.yaml`), join(directory, `${tenant}.yaml`));
  const subscriptions = [
    { name: 'crm', kind: 'push', url: `${receiver}/hook`, retry: { schedule: [] } },
    { name: 'partner', kind: 'push', url: `${receiver}/fine` },
    { name: 'analytics', kind: 'pull' },
  ];
  const routes = [
    { match: { type: 'flight.cancelled' }, to: ['crm'] },
    { match: { type: 'flight.*' }, to: ['partner', 'analytics'] },
  ];
  const own = readFileSync(join(directory, `${TENANT}.yaml`), 'utf8');
  const more = `${own}\nsubscriptions: ${JSON.stringify(subscriptions)}\nroutes: ${JSON.stringify(routes)}\n`;
  writeFileSync(join(directory, `${TENANT}.yaml`), more);
}

/** Starts a Headgate with these airlines, and a week that was counted before. */
export function startWithAirlines(receiver: string): Promise<System> {
  return startHeadgateWith({
    env: { HEADGATE_PUSH_ALLOW: '127.0.0.0/8' },
    prepare: async (dataDir, given) => {
      writeAirlines(given, receiver);
      await countWeek(join(dataDir, 'usage', 'journals'));
    },
  });
}

/** Counts a day's flights for each of the last days, as a node that has run for a week has. */
async function countWeek(journals: string): Promise<void> {
  const log = { warn: (id: string) => assertNothing(id) };
  const recorder = createUsageRecorder({ directory: journals, log, cpuMicros: () => 0 });
  for (let ago = DAYS; ago >= 1; ago--) {
    const day = new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10);
    const ofDay = airlines().flatMap((tenant, index) => {
      const events = 40 * (index + 1) + 7 * ago;
      const figures = { events, bytesIn: events * 240, decisions: events * 2, workflows: 12, actions: 90 };
      const delivered = { deliveredEvents: events, deliveryAttempts: events + ago };
      return [
        { tenant, day, stream: 'events' as const, figures: { ...figures, loadedRows: events } },
        { tenant, day, stream: 'events' as const, subscription: 'partner', figures: delivered },
      ];
    });
    await recorder.counted(ofDay);
  }
  await recorder.close();
}

function assertNothing(id: string): never {
  throw new Error(`Usage was not counted: ${id}`);
}

/** Sends the week of all airlines, in requests that a producer makes. */
export async function sendWeek(url: string, tenants: readonly LoadTenant[]): Promise<number> {
  const sent = await Promise.all(
    tenants.map(async ({ tenant, token }) => {
      const events = eventsOf(tenant);
      for (let at = 0; at < events.length; at += REQUEST_EVENTS)
        await send(url, token, events.slice(at, at + REQUEST_EVENTS));
      return events.length;
    }),
  );
  return sent.reduce((sum, each) => sum + each, 0);
}

function eventsOf(tenant: string): unknown[] {
  const lines = gunzipSync(readFileSync(join(FLIGHTS, 'flights.ndjson.gz')))
    .toString('utf8')
    .trim();
  return lines
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly tenant: string; readonly event: unknown })
    .flatMap((each) => (each.tenant === tenant ? [each.event] : []));
}

async function send(url: string, token: string, events: readonly unknown[]): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify(events),
    });
    const text = await response.text();
    if (response.ok) return;
    if (response.status !== 429 && response.status !== 503) throw new Error(`${response.status} ${text}`);
    const seconds = Number(response.headers.get('retry-after') ?? 1);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

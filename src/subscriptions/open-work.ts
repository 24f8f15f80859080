import type { Client } from '@temporalio/client';
import { atOnce } from '../platform/at-once.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { deadLetteredSince } from './dead-lettered.js';
import { waitingWindows, type FoundWindows } from './load-windows.js';
import { waitingDeliveries, type WaitingDeliveries } from './waiting-deliveries.js';
import { waitingLoad, type WaitingLoad } from './waiting-load.js';

/** What waits, by three questions however many subscriptions there are, and why the loads wait that are late. */
export interface OpenWork {
  readonly windows: ReadonlyMap<string, FoundWindows>;
  readonly deliveries: WaitingDeliveries;
  /** `<tenant>/<subscription>` of what has had dead letters since the last look. */
  readonly deadLettered: ReadonlySet<string>;
  readonly loads: ReadonlyMap<string, WaitingLoad>;
}

/** What {@link openWork} asks about. */
export interface OpenWorkQuestion {
  readonly client: Client;
  readonly tenants: readonly TenantConfig[];
  /** A load window that is older than its length by this much is late, in milliseconds. */
  readonly lateMs: number;
  /** Since when dead letters are asked for, milliseconds since the epoch. */
  readonly since: number;
}

/** Temporal has this long for a list, page by page; */
const LIST_WITHIN_MS = 10_000;
/** and to say why a load waits. */
const ANSWER_WITHIN_MS = 2_000;
/** Of the longest waiting as many are asked why. Of the others it is known that they wait. */
const MOST_ASKED_WHY = 50;
const AT_ONCE = 8;

/** Asks Temporal what waits of all tenants. */
export async function openWork(question: OpenWorkQuestion): Promise<OpenWork> {
  const { client, since } = question;
  const inTime = <T>(ask: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + LIST_WITHIN_MS, ask);
  const [windows, deliveries, deadLettered] = await Promise.all([
    inTime(() => waitingWindows(client)),
    inTime(() => waitingDeliveries(client)),
    inTime(() => deadLetteredSince(client, since)),
  ]);
  return { windows, deliveries, deadLettered, loads: await lateLoads(question, windows) };
}

/** Why the loads wait of the tenants whose oldest window is late, the latest first. */
async function lateLoads(
  { client, tenants, lateMs }: OpenWorkQuestion,
  windows: ReadonlyMap<string, FoundWindows>,
): Promise<Map<string, WaitingLoad>> {
  const late = tenants
    .map(({ tenant, warehouse }) => ({
      tenant,
      afterMs: warehouse.windowMs + lateMs,
      of: windows.get(tenant),
    }))
    .filter(({ of, afterMs }) => of !== undefined && of.oldestSeconds * 1000 > afterMs)
    .sort((one, other) => (other.of?.oldestSeconds ?? 0) - (one.of?.oldestSeconds ?? 0));
  const loads = new Map<string, WaitingLoad>();
  await atOnce(AT_ONCE, late.slice(0, MOST_ASKED_WHY), async ({ tenant, of }) => {
    const ask = () => of && waitingLoad(client, of.oldestId);
    const load = await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, async () => ask());
    if (load !== undefined) loads.set(tenant, load);
  });
  return loads;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { windowAt } from '../../src/activities/warehouse/announce.js';
import { Receiver } from '../deliveries/receiver.js';
import { untilArrived } from '../deliveries/until-arrived.js';
import { askApi } from '../system/api.js';
import { startHeadgate } from '../system/headgate.js';
import type { Revival } from '../system/system.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { round } from './figures.js';
import type { Session } from './session.js';
import { steady, SUBJECTS } from './traffic.js';

const [HOOK, QUEUE] = ['hook', 'queue'];
const WINDOW_MS = 10_000;
/** Left of the load window when events come: time for a delivery and a lease to be under way when its load begins. */
const HELD_MS = 8_000;
const EVENTS_PER_SECOND = 1_000;
const POST_SECONDS = 0.2;
/** Events that are all leased, so that a lease after the restart is of what was held. */
const EVENTS = EVENTS_PER_SECOND * POST_SECONDS;

/** What was held when a node was killed. */
export const recovery: BenchCase = {
  name: 'recovery',
  title:
    'kill -9 in the midst of a load, a delivery and a lease: seconds until each goes on after the restart',
  seconds: 2,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const receiver = await Receiver.open();
  const subscriptions = [
    {
      name: HOOK,
      kind: 'push',
      url: receiver.url(`/${HOOK}`),
      secret: 'env:HEADGATE_SECRET_BENCH_0001__HOOK',
    },
    { name: QUEUE, kind: 'pull', ackDeadline: '60s' },
  ];
  const start = () =>
    startHeadgate({
      tenants: 1,
      window: `${WINDOW_MS / 1000}s`,
      deliver: () => ({ subscriptions, routes: [{ match: { type: '*' }, to: [HOOK, QUEUE] }] }),
      env: {
        ...receiver.env,
        HEADGATE_SECRET_BENCH_0001__HOOK: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
        // It dies in its first load, when the file is written and not there yet.
        HEADGATE_FAULT: 'parquet-rename.before:1',
      },
    });
  try {
    return await context.sessions.on(start, context.progress, (session) =>
      measure(context, session, receiver),
    );
  } finally {
    await receiver.close();
  }
}

async function measure(context: CaseContext, session: Session, receiver: Receiver): Promise<CaseResult> {
  const { system } = session;
  const endpoint = `/${HOOK}`;
  await receiver.behave(endpoint, { kind: 'hanging' });
  await untilWindowBegins(system.tenants[0]?.tenant ?? '');
  const traffic = [steady(context, EVENTS_PER_SECOND, { tenants: [0] })];
  const load = { subjects: SUBJECTS, probes: [], traffic };
  await session.warmUp({ ...load, seconds: POST_SECONDS }, { drained: false });
  let held = 0;
  // It may die before, on a busy machine.
  while (held < EVENTS) held += await pulled(session).catch(() => EVENTS);
  session.progress('until the node dies in its load');
  await system.died();
  await receiver.behave(endpoint, { kind: 'well' });
  await receiver.begin(endpoint);
  session.progress('recovering');
  const revival = await system.revive();
  const [loadedAt, deliveredAt, leasedAt] = await Promise.all([
    firstRow(session),
    untilArrived(
      () => receiver.arrived(endpoint),
      1,
      () => undefined,
    ).then(({ firstAt }) => firstAt),
    firstLease(session),
  ]);
  const after = await session.measure('after', { ...load, seconds: context.seconds });
  return {
    figures: [
      { name: 'from start to ready', value: seconds(revival.readyAt - revival.startedAt), unit: 's' },
      ...since('load', loadedAt, revival),
      ...since('delivery', deliveredAt, revival),
      ...since('lease', leasedAt, revival),
    ],
    accounts: { headgate: await session.account() },
    details: { revival, loadedAt, deliveredAt, leasedAt, after },
  };
}

/** Waits for a load window that has just begun. */
async function untilWindowBegins(tenant: string): Promise<void> {
  const leftMs = (): number => windowAt(Date.now(), WINDOW_MS, tenant).closesAt - Date.now();
  while (leftMs() < HELD_MS + 1_000) await sleep(50);
}

async function pulled({ system }: Session): Promise<number> {
  const path = `/v1/subscriptions/${QUEUE}/pull`;
  const { messages } = await askApi<{ messages: unknown[] }>(system, 0, path, {
    maxMessages: EVENTS,
    waitMs: 2_000,
  });
  return messages.length;
}

async function firstLease(session: Session): Promise<number> {
  while ((await pulled(session)) === 0) session.system.assertRunning();
  return Date.now();
}

async function firstRow({ parquet, system }: Session): Promise<number> {
  for (;;) {
    const { events, lastAt } = await parquet.count();
    if (events > 0) return lastAt;
    system.assertRunning();
    await sleep(20);
  }
}

function since(what: string, at: number, { startedAt, readyAt }: Revival): Figure[] {
  return [
    { name: `first ${what}: from ready`, value: seconds(Math.max(0, at - readyAt)), unit: 's' },
    { name: `first ${what}: from start`, value: seconds(at - startedAt), unit: 's' },
  ];
}

function seconds(ms: number): number {
  return round(ms / 1000);
}

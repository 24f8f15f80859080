import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour } from '../deliveries/messages.js';
import type { Receiver } from '../deliveries/receiver.js';
import { untilArrived } from '../deliveries/until-arrived.js';
import type { Traffic } from '../load/spec.js';
import { askApi } from '../system/api.js';
import type { Deliver } from '../system/tenants.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { latencyFigures, round } from './figures.js';
import { onQuiet, Quiet, quietFigures, type QuietSpell } from './quiet.js';
import type { Session } from './session.js';
import { steady } from './traffic.js';

/** Of the tenant that has the trouble: the webhook that fails, and one beside it that does not. */
const FAILING = '/failing';
const NEIGHBOUR = '/neighbour';
const EVENTS_PER_SECOND = 20;
const REQUEST_EVENTS = 10;
const RESTARTING_MS = 3_000;

/** What the endpoint does in each spell, one after the other. */
const SPELLS: Readonly<Record<string, Behaviour>> = {
  alone: { kind: 'well' },
  'beside one that fails 30%, slowly': { kind: 'failing', share: 0.3, delayMs: 500 },
  'beside one that hangs': { kind: 'hanging' },
};

/** One webhook that fails in every way, and everybody else. */
export const deadEndpoint: BenchCase = {
  name: 'dead-endpoint',
  title: 'webhooks of 15 quiet tenants, beside one whose endpoint fails, hangs, restarts and says 410',
  seconds: 30,
  quickSeconds: 1,
  run,
};

function run(context: CaseContext): Promise<CaseResult> {
  return onQuiet(context, troubled, measure);
}

function troubled(receiver: Receiver): Deliver {
  return {
    subscriptions: [
      {
        name: 'failing',
        kind: 'push',
        url: receiver.url(FAILING),
        timeout: '2s',
        retry: { schedule: Array.from({ length: 20 }, () => '2s') },
      },
      { name: 'neighbour', kind: 'push', url: receiver.url(NEIGHBOUR) },
    ],
    routes: [{ match: { type: '*' }, to: ['failing', 'neighbour'] }],
  };
}

async function measure(context: CaseContext, session: Session, receiver: Receiver): Promise<CaseResult> {
  const quiet = new Quiet(context, session, receiver);
  const beside: Traffic = steady(context, EVENTS_PER_SECOND, {
    name: 'troubled',
    tenants: [Quiet.troubled(context)],
    requestEvents: REQUEST_EVENTS,
  });
  const spells: Record<string, QuietSpell> = {};
  const neighbour: Figure[] = [];
  let sent = 0;
  await quiet.warmUp();
  for (const [name, behaviour] of Object.entries(SPELLS)) {
    await receiver.behave(FAILING, behaviour);
    await receiver.begin(NEIGHBOUR);
    spells[name] = await quiet.measure(name, [beside]);
    sent += spells[name].measured.load.traffic.troubled?.acknowledged ?? 0;
    const { latency } = await untilArrived(
      () => receiver.arrived(NEIGHBOUR),
      sent,
      () => undefined,
    );
    neighbour.push(...latencyFigures(`${name}: the same tenant's other webhook`, latency, ['p50', 'p99']));
  }
  const fixed = await fix(context, session, receiver, sent);
  const undelivered = await Promise.all([
    quiet.missing(),
    missingAt(receiver, FAILING, sent),
    missingAt(receiver, NEIGHBOUR, sent),
  ]);
  return {
    figures: [...quietFigures(spells), ...neighbour, ...fixed],
    accounts: { headgate: await session.account(undelivered.reduce((a, b) => a + b, 0)) },
    details: { spells },
    notes: [
      'The webhook that fails has retries every 2 s and a timeout of 2 s; everything else is as by default.',
    ],
  };
}

/** Lets the endpoint restart and say 410, then fixes it, and waits until all it has missed is there. */
async function fix(
  context: CaseContext,
  session: Session,
  receiver: Receiver,
  sent: number,
): Promise<Figure[]> {
  const tenant = Quiet.troubled(context);
  const { system } = session;
  await receiver.behave(FAILING, { kind: 'restarting' });
  await sleep(RESTARTING_MS);
  await receiver.behave(FAILING, { kind: 'refusing', status: 410 });
  const { distinct } = await receiver.arrived(FAILING);
  if (distinct < sent) await untilDisabled(session, tenant);
  await receiver.behave(FAILING, { kind: 'well' });
  const fixedAt = performance.now();
  await askApi(system, tenant, '/v1/subscriptions/failing/resume', {});
  await askApi(system, tenant, '/v1/dead-letters/redrive', { filter: {}, eventsPerSecond: 1_000 });
  const arrived = await untilArrived(
    () => receiver.arrived(FAILING),
    sent,
    (now) => session.progress(`fixed: ${now.distinct} of ${sent} delivered`),
  );
  return [
    { name: 'mended: events delivered late', value: arrived.distinct - distinct, unit: '' },
    {
      name: 'mended: until the last of them',
      value: round((performance.now() - fixedAt) / 1000),
      unit: 's',
    },
    { name: 'mended: delivered more than once', value: arrived.received - arrived.distinct, unit: '' },
  ];
}

async function untilDisabled({ system, progress }: Session, tenant: number): Promise<void> {
  for (const startedAt = performance.now(); performance.now() - startedAt < 120_000;) {
    const { state } = await askApi<{ state: string }>(system, tenant, '/v1/subscriptions/failing');
    if (state === 'disabled') return;
    progress(`waiting for the endpoint to be tried, and disabled; it is ${state}`);
    await sleep(1_000);
  }
  throw new Error('The subscription was not disabled by 410.');
}

async function missingAt(receiver: Receiver, endpoint: string, sent: number): Promise<number> {
  return Math.max(0, sent - (await receiver.arrived(endpoint)).distinct);
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Receiver } from '../deliveries/receiver.js';
import { untilArrived } from '../deliveries/until-arrived.js';
import { askApi } from '../system/api.js';
import type { Deliver } from '../system/tenants.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { per, round } from './figures.js';
import { onQuiet, Quiet, quietFigures } from './quiet.js';
import type { Session } from './session.js';
import { steady, SUBJECTS } from './traffic.js';

const ENDPOINT = '/fixed';
/** Of the requests to it; a breaker opens at 70%. */
const FAILING_SHARE = 0.6;
/** Some 100,000 of them end as dead letters. */
const EVENTS = { full: 170_000, quick: 1_000 };
const FILL_PER_SECOND = 20_000;
const PARKED_WITHIN_MS = 120_000;

/** A hundred thousand dead events, redriven while others go on with their work. */
export const redrive: BenchCase = {
  name: 'redrive',
  title: 'quiet tenants alone, then while 100,000 dead events of another are listed and redriven',
  seconds: 30,
  quickSeconds: 1,
  run,
};

function run(context: CaseContext): Promise<CaseResult> {
  return onQuiet(context, troubled, measure);
}

/** What fails once is dead. */
function troubled(receiver: Receiver): Deliver {
  const subscription = {
    name: 'once',
    kind: 'push',
    url: receiver.url(ENDPOINT),
    format: 'batch',
    retry: { schedule: [] },
  };
  return { subscriptions: [subscription], routes: [{ match: { type: '*' }, to: ['once'] }] };
}

async function measure(context: CaseContext, session: Session, receiver: Receiver): Promise<CaseResult> {
  const tenant = Quiet.troubled(context);
  const sent = await bury(context, session, receiver);
  const dead = sent - (await receiver.arrived(ENDPOINT)).distinct;
  const quiet = new Quiet(context, session, receiver);
  await quiet.warmUp();
  const alone = await quiet.measure('alone');
  await receiver.behave(ENDPOINT, { kind: 'well' });
  await receiver.begin(ENDPOINT);
  const redriven = raise(session, tenant);
  const beside = await quiet.measure('beside a redrive');
  const { listed, startedAt } = await redriven;
  const arrived = await untilArrived(
    () => receiver.arrived(ENDPOINT),
    sent,
    ({ distinct }) => session.progress(`${distinct} of ${sent} delivered`),
  );
  const seconds = (arrived.lastAt - startedAt) / 1000;
  const missing = (await quiet.missing()) + Math.max(0, sent - arrived.distinct);
  return {
    figures: [
      { name: 'dead events', value: dead, unit: '' },
      ...listed,
      { name: 'redriven: until the last was delivered', value: round(seconds), unit: 's' },
      { name: 'redriven: events/s', value: per(dead, seconds), unit: '/s' },
      { name: 'redriven: delivered more than once', value: arrived.received - arrived.distinct, unit: '' },
      ...quietFigures({ alone, 'beside a redrive': beside }),
    ],
    accounts: { headgate: await session.account(missing) },
    details: { alone, beside },
    notes: ['The redrive goes at its default, 1,000 events/s.'],
  };
}

/** Sends events to an endpoint that refuses most, until each is delivered or dead. Returns how many were sent. */
async function bury(context: CaseContext, session: Session, receiver: Receiver): Promise<number> {
  const tenant = Quiet.troubled(context);
  await receiver.behave(ENDPOINT, { kind: 'failing', share: FAILING_SHARE, delayMs: 0 });
  const events = context.quick ? EVENTS.quick : EVENTS.full;
  const perSecond = context.quick ? events : FILL_PER_SECOND;
  const { acknowledged } = await session.measure('dying', {
    subjects: SUBJECTS,
    seconds: events / perSecond,
    probes: [],
    traffic: [steady(context, perSecond, { tenants: [tenant] })],
  });
  for (const startedAt = performance.now(); performance.now() - startedAt < PARKED_WITHIN_MS;) {
    const { deliveries } = await askApi<{ deliveries: number }>(
      session.system,
      tenant,
      '/v1/subscriptions/once',
    );
    if (deliveries === 0) return acknowledged;
    session.progress(`${deliveries} batches are still being delivered`);
    await sleep(1_000);
  }
  throw new Error('Deliveries did not come to an end.');
}

interface Page {
  readonly deadLetters: readonly { readonly events: number }[];
  readonly nextPageToken?: string;
}

/** Lists dead letters, all and by type, and has all of them redriven. */
async function raise(
  { system }: Session,
  tenant: number,
): Promise<{ readonly listed: Figure[]; readonly startedAt: number }> {
  const listed: Figure[] = [];
  for (const [name, query] of [
    ['all', ''],
    ['of one type', '&type=flight.cancelled'],
  ] as const) {
    const began = performance.now();
    let letters = 0;
    for (let token: string | undefined = ''; token !== undefined;) {
      const from: string = token === '' ? '' : `&pageToken=${encodeURIComponent(token)}`;
      const page: Page = await askApi(system, tenant, `/v1/dead-letters?limit=200${query}${from}`);
      letters += page.deadLetters.length;
      token = page.nextPageToken;
    }
    listed.push({ name: `dead letters listed, ${name}`, value: letters, unit: '' });
    listed.push({ name: `time to list them, ${name}`, value: round(performance.now() - began), unit: 'ms' });
  }
  const startedAt = Date.now();
  await askApi(system, tenant, '/v1/dead-letters/redrive', { filter: { subscription: 'once' } });
  return { listed, startedAt };
}

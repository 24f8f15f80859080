import type { Deliver } from '../system/tenants.js';
import type { Account, BenchCase, CaseContext, CaseResult } from './bench-case.js';
import { measureSaturation } from './end-to-end.js';
import { cpuFigure, per, round } from './figures.js';
import type { Measured } from './session.js';
import { SUBJECTS, usualTenants } from './traffic.js';

/** Each is measured so often, in turns, so that a noisy spell of the machine meets both. */
const ROUNDS = 2;
const SUBSCRIPTIONS = 20;

/** What matching costs: 300 routes to 20 subscriptions, every event looked at by ten filters, none delivered. */
export const routes: BenchCase = {
  name: 'routes',
  title: 'saturation without routes and with 300 to 20 subscriptions of each tenant, none of which matches',
  seconds: 20,
  quickSeconds: 1,
  run,
};

const SYSTEMS: Readonly<Record<string, { readonly deliver?: () => Deliver }>> = {
  'no routes': {},
  '300 routes': { deliver: routesOfNothing },
};

async function run(context: CaseContext): Promise<CaseResult> {
  const measured: Record<string, Measured[]> = {};
  const accounts: Record<string, Account> = {};
  const rounds = context.quick ? 1 : ROUNDS;
  for (let n = 1; n <= rounds; n += 1) {
    for (const [name, settings] of Object.entries(SYSTEMS)) {
      const progress = (text: string): void => context.progress(`${name} (${n} of ${rounds}), ${text}`);
      const options = { tenants: usualTenants(context), ...settings };
      await context.sessions.onHeadgate(options, progress, async (session) => {
        (measured[name] ??= []).push(await measureSaturation(context, session, SUBJECTS));
        accounts[`${name}, round ${n}`] = await session.account();
      });
    }
  }
  const rates = Object.entries(measured).map(([name, spells]) => ({
    name,
    rate: medianRate(spells),
    spells,
  }));
  const [without, routed] = rates.map(({ rate }) => rate);
  return {
    figures: [
      ...rates.flatMap(({ name, rate, spells }) => [
        { name: `${name}: events/s acknowledged`, value: Math.round(rate), unit: '/s' },
        ...spells.slice(-1).map((last) => ({ ...cpuFigure(last), name: `${name}: ${cpuFigure(last).name}` })),
      ]),
      { name: 'with routes over without', value: round(per(routed ?? 0, without ?? 0) ?? 0), unit: 'x' },
    ],
    accounts,
    details: { measured },
  };
}

/** 200 other types, 90 other prefixes, and 10 filters that every event is looked at by and none passes. */
function routesOfNothing(): Deliver {
  const names = Array.from({ length: SUBSCRIPTIONS }, (_, n) => `sub-${n}`);
  const to = (n: number): string[] => [names[n % SUBSCRIPTIONS] as string];
  const many = <T>(length: number, of: (n: number) => T): T[] => Array.from({ length }, (_, n) => of(n));
  return {
    subscriptions: names.map((name) => ({ name, kind: 'pull' })),
    routes: [
      ...many(200, (n) => ({ match: { type: `booking.made.${n}` }, to: to(n) })),
      ...many(90, (n) => ({ match: { type: `hotel.${n}.*` }, to: to(n) })),
      ...many(10, (n) => ({
        match: { type: 'flight.*', when: `event.data.delay_minutes > ${1_000_000 + n}` },
        to: to(n),
      })),
    ],
  };
}

function medianRate(spells: readonly Measured[]): number {
  const rates = spells
    .map(({ acknowledged, loadSeconds }) => acknowledged / loadSeconds)
    .sort((a, b) => a - b);
  return ((rates[(rates.length - 1) >> 1] ?? 0) + (rates[rates.length >> 1] ?? 0)) / 2;
}

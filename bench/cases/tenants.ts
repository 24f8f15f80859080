import type { Account, BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { freshnessFigures, latencyFigures, per, rateFigures } from './figures.js';
import type { Measured, Session } from './session.js';
import { QUICK_TENANTS, decisionProbes, firstTenants, saturation, SUBJECTS } from './traffic.js';

const COUNTS = [1, 16, 200, 1_000];
const QUICK_COUNTS = [QUICK_TENANTS];

/** What gives as active tenants grow. */
export const tenants: BenchCase = {
  name: 'tenants',
  title: 'saturation spread over 1, 16, 200 and 1,000 tenants, and the smallest tenant beside it',
  seconds: 20,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const figures: Figure[] = [];
  const accounts: Record<string, Account> = {};
  const measured: Record<string, Measured> = {};
  for (const count of context.quick ? QUICK_COUNTS : COUNTS) {
    const name = count === 1 ? '1 tenant' : `${count.toLocaleString('en-US')} tenants`;
    const progress = (text: string): void => context.progress(`${name}, ${text}`);
    await context.sessions.onHeadgate({ tenants: count }, progress, async (session) => {
      measured[name] = await measure(context, session, count);
      figures.push(...(await figuresOf(name, measured[name], session, count)));
      accounts[name] = await session.account();
    });
  }
  return { figures, accounts, details: { measured } };
}

/** All tenants but the last are kept busy in turn; the last has only probes. A tenant alone is its own neighbour. */
async function measure(context: CaseContext, session: Session, count: number): Promise<Measured> {
  const load = {
    subjects: Math.max(SUBJECTS, count),
    traffic: [saturation(context, { tenants: firstTenants(Math.max(1, count - 1)) })],
    probes: [decisionProbes(context, { tenants: [count - 1] })],
  };
  // With a thousand tenants a load window takes minutes, and one wait for it is enough.
  await session.warmUp({ ...load, seconds: context.warmUpSeconds }, { drained: false });
  return session.measure('measuring', { ...load, seconds: context.seconds });
}

async function figuresOf(
  name: string,
  measured: Measured,
  session: Session,
  count: number,
): Promise<Figure[]> {
  const { load, workflows, endToEndSeconds, usage } = measured;
  const smallest = session.system.tenants[count - 1]?.tenant ?? '';
  const prefixed = (figure: Figure): Figure => ({ ...figure, name: `${name}: ${figure.name}` });
  return [
    ...rateFigures(measured),
    { name: 'peak RSS', value: per(usage.headgate?.peakRssBytes ?? null, 1e6), unit: 'MB' },
    {
      name: 'peak RSS without mapped files',
      value: per(usage.headgate?.peakAnonymousBytes ?? null, 1e6),
      unit: 'MB',
    },
    { name: 'peak RSS of Temporal', value: per(usage.temporal?.peakRssBytes ?? null, 1e6), unit: 'MB' },
    { name: 'workflows/s', value: Math.round(workflows / endToEndSeconds), unit: '/s' },
    ...latencyFigures('smallest tenant: acknowledgement', load.probes.probes?.acknowledgement, [
      'p50',
      'p99',
    ]),
    ...latencyFigures('smallest tenant: decision', load.probes.probes?.decision, ['p50', 'p99']),
    ...freshnessFigures('freshness', await session.parquet.freshness(load.startedAt)),
    ...freshnessFigures(
      'smallest tenant: freshness',
      await session.parquet.freshness(load.startedAt, [smallest]),
    ),
  ].map(prefixed);
}

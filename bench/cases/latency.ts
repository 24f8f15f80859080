import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { freshnessFigures, latencyFigures } from './figures.js';
import { reachedRate } from './reached-rate.js';
import type { Measured, Session } from './session.js';
import { decisionProbes, steady, SUBJECTS, usualTenants } from './traffic.js';

/** Shares of the rate that end-to-end reached. */
const SHARES = [0.1, 0.5, 0.9];
const QUICK_SHARES = [0.5];

/** Latencies at steady rates below saturation. */
export const latency: BenchCase = {
  name: 'latency',
  title: 'POST to acknowledgement, to decision readable and to row readable at 10, 50 and 90 % of that rate',
  seconds: 30,
  quickSeconds: 1,
  run,
};

function run(context: CaseContext): Promise<CaseResult> {
  return context.sessions.onHeadgate(
    { tenants: usualTenants(context) },
    context.progress,
    async (session) => {
      const rate = await reachedRate(context, session);
      const figures: Figure[] = [{ name: 'rate the shares are of', value: rate, unit: '/s' }];
      const measured: Record<string, Measured> = {};
      for (const share of context.quick ? QUICK_SHARES : SHARES) {
        const name = `${share * 100} %`;
        const part = await measureAt(context, session, name, rate * share);
        figures.push(...part.figures);
        measured[name] = part.measured;
      }
      return { figures, accounts: { headgate: await session.account() }, details: { measured } };
    },
  );
}

async function measureAt(
  context: CaseContext,
  session: Session,
  name: string,
  eventsPerSecond: number,
): Promise<{ figures: Figure[]; measured: Measured }> {
  const measured = await session.measure(name, {
    subjects: SUBJECTS,
    seconds: context.seconds,
    traffic: [steady(context, eventsPerSecond)],
    probes: [decisionProbes(context)],
  });
  const { load } = measured;
  const figures = [
    ...latencyFigures(`${name}: acknowledgement`, load.traffic.steady?.acknowledgement),
    ...latencyFigures(`${name}: decision`, load.probes.probes?.decision, ['p50', 'p99']),
    { name: `${name}: decisions never seen`, value: load.probes.probes?.undecided ?? null, unit: '' },
    ...freshnessFigures(`${name}: freshness`, await session.parquet.freshness(load.startedAt)),
  ];
  return { figures, measured };
}

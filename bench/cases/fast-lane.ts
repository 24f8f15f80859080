import type { BenchCase, CaseContext, CaseResult } from './bench-case.js';
import { cpuFigure, freshnessFigures, latencyFigures } from './figures.js';
import { QUICK_TENANTS, decisionProbes, firstTenants, steady, SUBJECTS } from './traffic.js';

const TENANTS = 200;
const EVENTS_PER_SECOND = 1_000;
const REQUEST_EVENTS = [1, 10] as const;
const PROBES_PER_SECOND = 20;

/** The time to a decision where many tenants send a little each. */
export const fastLane: BenchCase = {
  name: 'fast-lane',
  title: 'POST to decision readable at 1,000 events/s over 200 active tenants, 1 to 10 events a POST',
  seconds: 60,
  quickSeconds: 1,
  run,
};

function run(context: CaseContext): Promise<CaseResult> {
  const count = context.quick ? QUICK_TENANTS : TENANTS;
  const tenants = firstTenants(count);
  return context.sessions.onHeadgate({ tenants: count }, context.progress, async (session) => {
    const load = {
      subjects: SUBJECTS,
      traffic: [steady(context, EVENTS_PER_SECOND, { tenants, requestEvents: REQUEST_EVENTS })],
      probes: [decisionProbes(context, { tenants, perSecond: PROBES_PER_SECOND })],
    };
    await session.warmUp({ ...load, seconds: context.warmUpSeconds });
    const measured = await session.measure('measuring', { ...load, seconds: context.seconds });
    const { traffic, probes, startedAt } = measured.load;
    return {
      figures: [
        { name: 'tenants', value: count, unit: '' },
        ...latencyFigures('decision', probes.probes?.decision),
        { name: 'decisions probed', value: probes.probes?.decision.count ?? 0, unit: '' },
        { name: 'decisions never seen', value: probes.probes?.undecided ?? null, unit: '' },
        ...latencyFigures('acknowledgement', traffic.steady?.acknowledgement),
        ...freshnessFigures('freshness', await session.parquet.freshness(startedAt)),
        {
          name: 'workflows/s',
          value: Math.round(measured.workflows / measured.endToEndSeconds),
          unit: '/s',
        },
        cpuFigure(measured),
      ],
      accounts: { headgate: await session.account() },
      details: { measured },
    };
  });
}

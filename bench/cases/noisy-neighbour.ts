import type { LoadResult, Probes, Traffic } from '../load/spec.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { latencyFigures, refusalFigures, round } from './figures.js';
import { decisionProbes, firstTenants, steady, SUBJECTS, usualTenants } from './traffic.js';

/** Of each quiet tenant. */
const QUIET_EVENTS_PER_SECOND = 100;
const QUIET_REQUEST_EVENTS = 10;
const TIMES_AS_MUCH = 100;
const PROBES_PER_SECOND = 15;

/** What one tenant at a hundred times the others' rate does to the others; every tenant has the default limits. */
export const noisyNeighbour: BenchCase = {
  name: 'noisy-neighbour',
  title: '15 quiet tenants alone, then beside one that sends 100 times as much as each of them',
  seconds: 30,
  quickSeconds: 1,
  run,
};

function run(context: CaseContext): Promise<CaseResult> {
  const count = usualTenants(context);
  const quietTenants = firstTenants(count - 1);
  const options = { tenants: count, limits: 'default' } as const;
  return context.sessions.onHeadgate(options, context.progress, async (session) => {
    const quiet: Traffic = steady(context, QUIET_EVENTS_PER_SECOND * quietTenants.length, {
      name: 'quiet',
      tenants: quietTenants,
      requestEvents: QUIET_REQUEST_EVENTS,
    });
    const noisy: Traffic = steady(context, QUIET_EVENTS_PER_SECOND * TIMES_AS_MUCH, {
      name: 'noisy',
      tenants: [count - 1],
    });
    const probes: Probes[] = [
      decisionProbes(context, { tenants: quietTenants, perSecond: PROBES_PER_SECOND }),
    ];
    const load = { subjects: SUBJECTS, seconds: context.seconds, probes };
    await session.warmUp({ ...load, traffic: [quiet], seconds: context.warmUpSeconds });
    const alone = await session.measure('alone', { ...load, traffic: [quiet] });
    const beside = await session.measure('beside', { ...load, traffic: [quiet, noisy] });
    return {
      figures: [
        ...quietFigures('alone', alone.load),
        ...quietFigures('beside', beside.load),
        ...ratioFigures(alone.load, beside.load),
        {
          name: 'noisy tenant: events/s acknowledged',
          value: Math.round((beside.load.traffic.noisy?.acknowledged ?? 0) / beside.loadSeconds),
          unit: '/s',
        },
        ...(beside.load.traffic.noisy === undefined
          ? []
          : refusalFigures('noisy tenant', beside.load.traffic.noisy)),
        ...(beside.load.traffic.quiet === undefined
          ? []
          : refusalFigures('quiet tenants', beside.load.traffic.quiet)),
      ],
      accounts: { headgate: await session.account() },
      details: { alone, beside },
      notes: ['Tenants have the default limits: 5,000 events/s and 5 MB/s.'],
    };
  });
}

function quietFigures(name: string, { traffic, probes }: LoadResult): Figure[] {
  return [
    ...latencyFigures(`${name}: acknowledgement`, traffic.quiet?.acknowledgement, ['p50', 'p99']),
    ...latencyFigures(`${name}: decision`, probes.probes?.decision, ['p50', 'p99']),
  ];
}

function ratioFigures(alone: LoadResult, beside: LoadResult): Figure[] {
  const ratio = (of: (load: LoadResult) => number | undefined): number | null => {
    const [before, after] = [of(alone), of(beside)];
    return before === undefined || after === undefined || before === 0 ? null : round(after / before);
  };
  return [
    {
      name: 'acknowledgement p99, beside over alone',
      value: ratio((load) => load.traffic.quiet?.acknowledgement.p99),
      unit: 'x',
    },
    {
      name: 'decision p99, beside over alone',
      value: ratio((load) => load.probes.probes?.decision.p99),
      unit: 'x',
    },
  ];
}

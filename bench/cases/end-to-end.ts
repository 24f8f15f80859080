import { startHeadgate } from '../system/headgate.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { latencyFigures } from './bench-case.js';
import { Session, type Measured } from './session.js';
import { saturation, SUBJECTS, TENANTS } from './traffic.js';

/** The name of the figure other cases go by. */
export const END_TO_END_RATE = 'events/s end to end';
/** The case whose rate is taken as what the system can do. */
export const END_TO_END = 'end-to-end';

/** Saturation with {@link SUBJECTS} subjects. */
export const endToEnd: BenchCase = {
  name: END_TO_END,
  title: 'events/s from the first POST to the last event decided and in Parquet, 4,000 subjects',
  seconds: 60,
  quickSeconds: 4,
  run: (context) => saturate(context, SUBJECTS),
};

/** The same with a million subjects. */
export const endToEndMillion: BenchCase = {
  name: 'end-to-end-million',
  title: 'the same with 1,000,000 subjects',
  seconds: 60,
  quickSeconds: 3,
  run: (context) => saturate(context, 1_000_000),
};

async function saturate(context: CaseContext, subjects: number): Promise<CaseResult> {
  return Session.use(
    context,
    () => startHeadgate({ tenants: TENANTS }),
    async (session) => {
      const measured = await measureSaturation(context, session, subjects);
      const account = await session.account();
      return {
        figures: saturationFigures(measured),
        accounts: { headgate: account },
        processes: { headgate: measured.usage },
        details: { load: measured.load, rss: measured.samples },
      };
    },
  );
}

/** Warms a system up, then measures it at saturation. */
export async function measureSaturation(
  context: CaseContext,
  session: Session,
  subjects: number,
): Promise<Measured> {
  const load = { subjects, traffic: [saturation(context)], probes: [] };
  await session.warmUp({ ...load, seconds: context.warmUpSeconds });
  return session.measure('measuring', { ...load, seconds: context.seconds });
}

/** The figures of a measurement at saturation. */
export function saturationFigures(measured: Measured): Figure[] {
  const { acknowledged, loadSeconds, endToEndSeconds, load } = measured;
  const acknowledgement = load.traffic.saturation?.acknowledgement;
  return [
    { name: END_TO_END_RATE, value: Math.round(acknowledged / endToEndSeconds), unit: '/s' },
    { name: 'events/s acknowledged', value: Math.round(acknowledged / loadSeconds), unit: '/s' },
    { name: 'seconds of posting', value: round(loadSeconds), unit: 's' },
    { name: 'seconds to the last row', value: round(endToEndSeconds), unit: 's' },
    ...(acknowledgement === undefined ? [] : latencyFigures('acknowledgement', acknowledgement)),
    ...usageFigures(measured),
  ];
}

/** CPU, bytes written and memory by process; CPU and bytes per million events, and of the system's own CPU per 100,000. */
export function usageFigures({ usage, acknowledged }: Pick<Measured, 'usage' | 'acknowledged'>): Figure[] {
  const millions = acknowledged / 1_000_000;
  const figures: Figure[] = [];
  let ownCpu: number | null = 0;
  for (const [name, { cpuSeconds, writtenBytes, peakRssBytes, peakAnonymousBytes }] of Object.entries(
    usage,
  )) {
    if (name !== 'load generator')
      ownCpu = ownCpu === null || cpuSeconds === null ? null : ownCpu + cpuSeconds;
    figures.push(
      { name: `${name}: CPU per million events`, value: per(cpuSeconds, millions), unit: 's' },
      { name: `${name}: written per million events`, value: per(writtenBytes, millions * 1e6), unit: 'MB' },
      { name: `${name}: peak RSS`, value: per(peakRssBytes, 1e6), unit: 'MB' },
      { name: `${name}: peak RSS without mapped files`, value: per(peakAnonymousBytes, 1e6), unit: 'MB' },
    );
  }
  const per100k = {
    name: 'CPU per 100,000 events, Temporal included',
    value: per(ownCpu, millions * 10),
    unit: 's',
  };
  return [per100k, ...figures];
}

function per(value: number | null, unit: number): number | null {
  return value === null || unit === 0 ? null : round(value / unit);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

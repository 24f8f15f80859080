import type { BenchCase, CaseContext, CaseResult } from './bench-case.js';
import { latencyFigures, rateFigures, round, usageFigures } from './figures.js';
import type { Measured, Session } from './session.js';
import { saturation, SUBJECTS, usualTenants } from './traffic.js';

/** Saturation with 4,000 subjects. */
export const endToEnd: BenchCase = {
  name: 'end-to-end',
  title: 'events/s from the first POST to the last event decided and in Parquet, 4,000 subjects',
  seconds: 60,
  quickSeconds: 1,
  run: (context) => run(context, SUBJECTS),
};

/** Saturation with a million subjects. */
export const endToEndMillion: BenchCase = {
  name: 'end-to-end-million',
  title: 'the same with 1,000,000 subjects',
  seconds: 60,
  quickSeconds: 1,
  run: (context) => run(context, 1_000_000),
};

function run(context: CaseContext, subjects: number): Promise<CaseResult> {
  return context.sessions.onHeadgate(
    { tenants: usualTenants(context) },
    context.progress,
    async (session) => {
      const measured = await measureSaturation(context, session, subjects);
      const { loadSeconds, endToEndSeconds, load } = measured;
      return {
        figures: [
          ...rateFigures(measured),
          { name: 'seconds of posting', value: round(loadSeconds), unit: 's' },
          { name: 'seconds to the last row', value: round(endToEndSeconds), unit: 's' },
          ...latencyFigures('acknowledgement', load.traffic.saturation?.acknowledgement),
          ...usageFigures(measured),
        ],
        accounts: { headgate: await session.account() },
        details: { measured },
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

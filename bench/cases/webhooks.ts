import type { BenchCase, CaseContext, CaseResult } from './bench-case.js';
import { latencyFigures, usageFigures } from './figures.js';
import { saturation, steady, SUBJECTS, usualTenants } from './traffic.js';

/** Requests of a single event, as webhooks come in. */
export const webhooks: BenchCase = {
  name: 'webhooks',
  title: 'requests/s and acknowledgement with one event a POST, at saturation and at half of it',
  seconds: 20,
  quickSeconds: 1,
  run,
};

function run(context: CaseContext): Promise<CaseResult> {
  return context.sessions.onHeadgate(
    { tenants: usualTenants(context) },
    context.progress,
    async (session) => {
      const load = { subjects: SUBJECTS, seconds: context.seconds, probes: [] };
      const single = { requestEvents: 1 };
      const saturated = { ...load, traffic: [saturation(context, single)] };
      await session.warmUp({ ...saturated, seconds: context.warmUpSeconds });
      const full = await session.measure('saturation', saturated);
      const rate = full.acknowledged / full.loadSeconds;
      const half = await session.measure('half', { ...load, traffic: [steady(context, rate / 2, single)] });
      return {
        figures: [
          { name: 'requests/s', value: Math.round(rate), unit: '/s' },
          {
            name: 'requests/s to the last row',
            value: Math.round(full.acknowledged / full.endToEndSeconds),
            unit: '/s',
          },
          ...latencyFigures('saturation: acknowledgement', full.load.traffic.saturation?.acknowledgement),
          ...latencyFigures('half: acknowledgement', half.load.traffic.steady?.acknowledgement),
          ...usageFigures(full),
        ],
        accounts: { headgate: await session.account() },
        details: { full, half },
      };
    },
  );
}

import { Consumers } from '../deliveries/consumers.js';
import type { BenchCase, CaseContext, CaseResult } from './bench-case.js';
import { measureDeliveries } from './deliveries.js';
import type { Session } from './session.js';

const SUBSCRIPTION = 'queue';
const CONSUMERS = 4;

/** Consumers that share a subscription. */
export const pull: BenchCase = {
  name: 'pull',
  title: 'one tenant, 4 consumers with headgate/client: a backlog, then 10,000 events/s as they come',
  seconds: 30,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const consumers = new Consumers();
  const deliver = () => ({
    subscriptions: [{ name: SUBSCRIPTION, kind: 'pull' }],
    routes: [{ match: { type: '*' }, to: [SUBSCRIPTION] }],
  });
  try {
    return await context.sessions.onHeadgate({ tenants: 1, deliver }, context.progress, async (session) => {
      session.receiving = [consumers.pid];
      const result = await measureDeliveries(context, session, {
        ...(context.quick
          ? { backlog: 1_000, fillPerSecond: 1_000, livePerSecond: 500 }
          : { backlog: 300_000, fillPerSecond: 30_000, livePerSecond: 10_000 }),
        destination: consumers,
        release: () => consumers.pull(from(session)),
      });
      await consumers.stop();
      return result;
    });
  } finally {
    await consumers.close();
  }
}

function from({ system }: Session): Parameters<Consumers['pull']>[0] {
  const { url, tenants } = system;
  return { url, token: tenants[0]?.token ?? '', subscription: SUBSCRIPTION, consumers: CONSUMERS };
}

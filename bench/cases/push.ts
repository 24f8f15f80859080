import { Receiver } from '../deliveries/receiver.js';
import type { BenchCase, CaseContext, CaseResult } from './bench-case.js';
import { measureDeliveries } from './deliveries.js';

const ENDPOINT = '/hook';
/** Signed, as every webhook should be; a secret of the benchmark's own. */
const SECRET = `whsec_${Buffer.from('a secret for the benchmark alone').toString('base64')}`;

/** Webhooks to a receiver on the same machine. */
export const push: BenchCase = {
  name: 'push',
  title: 'one tenant, one signed webhook a request: a backlog, then 1,000 events/s as they come',
  seconds: 30,
  quickSeconds: 1,
  run,
};

async function run(context: CaseContext): Promise<CaseResult> {
  const receiver = await Receiver.open();
  const deliver = () => ({
    subscriptions: [{ name: 'hook', kind: 'push', url: receiver.url(ENDPOINT), secret: SECRET }],
    routes: [{ match: { type: '*' }, to: ['hook'] }],
  });
  try {
    return await context.sessions.onHeadgate(
      { tenants: 1, env: receiver.env, deliver },
      context.progress,
      async (session) => {
        session.receiving = [receiver.pid];
        return measureDeliveries(context, session, {
          ...(context.quick
            ? { backlog: 200, fillPerSecond: 200, livePerSecond: 100 }
            : { backlog: 60_000, fillPerSecond: 30_000, livePerSecond: 1_000 }),
          destination: {
            arrived: () => receiver.arrived(ENDPOINT),
            begin: () => receiver.begin(ENDPOINT),
          },
          // It has been delivering all the while.
          release: () => Promise.resolve(),
        });
      },
    );
  } finally {
    await receiver.close();
  }
}

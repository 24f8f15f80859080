import type { Arrived } from '../deliveries/messages.js';
import { untilArrived } from '../deliveries/until-arrived.js';
import type { CaseContext, CaseResult, Figure } from './bench-case.js';
import { latencyFigures, per } from './figures.js';
import type { Measured, Session } from './session.js';
import { steady, SUBJECTS } from './traffic.js';

/** Where the events of one subscription arrive. */
interface Destination {
  arrived(): Promise<Arrived>;
  begin(): Promise<void>;
}

/** One subscription under load. */
export interface DeliveryPlan {
  /** Events that are there before the clock starts, sent at `fillPerSecond`. */
  readonly backlog: number;
  readonly fillPerSecond: number;
  /** What is delivered as it comes. */
  readonly livePerSecond: number;
  readonly destination: Destination;
  /** Starts to deliver what has been piling up. */
  readonly release: () => Promise<void>;
}

/** Delivers a backlog as fast as it goes, then what comes at a steady rate, all through one subscription of one tenant. */
export async function measureDeliveries(
  context: CaseContext,
  session: Session,
  { backlog, fillPerSecond, livePerSecond, destination, release }: DeliveryPlan,
): Promise<CaseResult> {
  const one = { tenants: [0] };
  const load = { subjects: SUBJECTS, probes: [] };
  const traffic = [steady(context, fillPerSecond, one)];
  const filled = await session.measure('backlog', { ...load, seconds: backlog / fillPerSecond, traffic });
  const before = await destination.arrived();
  await destination.begin();
  const startedAt = Date.now();
  const drained = await session.watch(async () => {
    await release();
    return untilArrived(
      () => destination.arrived(),
      filled.acknowledged,
      ({ distinct }) => session.progress(`backlog: ${distinct} of ${filled.acknowledged} delivered`),
    );
  });
  await destination.begin();
  const live = await session.measure('live', {
    ...load,
    seconds: context.seconds,
    traffic: [steady(context, livePerSecond, one)],
  });
  const sent = filled.acknowledged + live.acknowledged;
  const arrived = await untilArrived(
    () => destination.arrived(),
    sent,
    ({ distinct }) => session.progress(`live: ${distinct} of ${sent} delivered`),
  );
  const delivered = drained.result.distinct - before.distinct;
  return {
    figures: [
      {
        name: 'backlog: events/s delivered',
        value: delivered === 0 ? null : per(delivered, (drained.result.lastAt - startedAt) / 1000),
        unit: '/s',
      },
      ...cpuFigures(drained.usage, delivered),
      { name: 'live: events/s sent', value: per(live.acknowledged, live.loadSeconds), unit: '/s' },
      {
        name: 'live: events/s delivered',
        value: per(live.acknowledged, (arrived.lastAt - live.load.startedAt) / 1000),
        unit: '/s',
      },
      ...latencyFigures('live: from POST to delivery', arrived.latency, ['p50', 'p99']),
      { name: 'delivered more than once', value: arrived.received - arrived.distinct, unit: '' },
    ],
    accounts: { headgate: await session.account(Math.max(0, sent - arrived.distinct)) },
    details: { filled, drained, live, arrived },
  };
}

function cpuFigures(usage: Measured['usage'], events: number): Figure[] {
  return Object.entries(usage).map(([name, { cpuSeconds }]) => ({
    name: `backlog, ${name}: CPU per 100,000 events`,
    value: per(cpuSeconds, events / 100_000),
    unit: 's',
  }));
}

import { Counter, Histogram, type Registry } from 'prom-client';
import type { BatchRef } from '../events/event.js';
import type { Chunk } from '../events/chunk.js';
import type { TenantLabels } from './tenant-labels.js';
import { secondsSince } from '../platform/time.js';

/**
 * Where an event has come to, in order: its decisions are made; it is on disk with them; its request is answered; Temporal has
 * its batch; it is in the warehouse; a subscription has it.
 */
type Stage = 'decided' | 'durable' | 'accepted' | 'started' | 'loaded' | 'delivered';

/** Seconds from 1 ms to an hour: a load waits for its window, a delivery for its receiver. */
const STAGE_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600];

/** Batches that an exemplar may name: one that is bigger than its format allows is left out. */
const MAX_EXEMPLAR = 100;

/** Events that have come to a stage, and how long ago the oldest of them was received. */
interface Passed {
  readonly events: number;
  readonly seconds: number;
  /** Seconds of all of them together; default: as if all were as old as the oldest. */
  readonly eventSeconds?: number;
  /** Their batch, once they are in one. */
  readonly batchId?: string;
}

/** What is measured of events on their way, by stage. */
export interface StageInstruments {
  /** Events of a tenant have come to a stage; called once a request, batch or load. */
  passed(tenant: string, stage: Stage, passed: Passed): void;
}

/** How long it took until events came to each stage: distributions over all tenants, whose slow ones name a batch; means by tenant. */
export function createStageInstruments(registry: Registry, tenants: TenantLabels): StageInstruments {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'headgate_stage_seconds',
    help: 'From the receipt of the oldest of some events until they came to a stage',
    buckets: STAGE_SECONDS,
    labelNames: ['stage'],
    enableExemplars: true,
    // Of one that writes OpenMetrics alone: the other format leaves exemplars out.
    registers: [],
  });
  registry.registerMetric(seconds);
  const labelNames = ['tenant', 'stage'];
  const eventSeconds = new Counter({
    name: 'headgate_stage_event_seconds_total',
    help: 'Seconds from the receipt of events until they came to a stage, of all events together',
    labelNames,
    registers,
  });
  const events = new Counter({
    name: 'headgate_stage_events_total',
    help: 'Events that came to a stage',
    labelNames,
    registers,
  });
  return {
    passed: (id, stage, { events: count, seconds: value, batchId, eventSeconds: sum = count * value }) => {
      const labels = { tenant: tenants.of(id), stage };
      seconds.observe({ labels: { stage }, value, exemplarLabels: exemplarOf(id, batchId) });
      eventSeconds.inc(labels, sum);
      events.inc(labels, count);
    },
  };
}

/** A tenant may be `other` in labels; the exemplar has its id. */
function exemplarOf(tenant: string, batchId: string | undefined): Record<string, string> {
  if (batchId === undefined || tenant.length + batchId.length > MAX_EXEMPLAR) return {};
  return { tenant, batch: batchId };
}

/** How old the events of chunks are. */
export function ageOf(chunks: readonly Pick<Chunk, 'events' | 'receivedAt'>[]): Passed {
  let [events, oldest, eventSeconds] = [0, 0, 0];
  for (const chunk of chunks) {
    const age = secondsSince(chunk.receivedAt);
    events += chunk.events;
    oldest = Math.max(oldest, age);
    eventSeconds += age * chunk.events;
  }
  return { events, seconds: oldest, eventSeconds };
}

/** How old events of a batch are; undefined where that is not known. */
export function ageOfBatch(
  { batchId, receivedAt }: Pick<BatchRef, 'batchId' | 'receivedAt'>,
  events: number,
): Passed | undefined {
  return receivedAt === undefined ? undefined : { events, seconds: secondsSince(receivedAt), batchId };
}

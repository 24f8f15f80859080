import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** A value that Temporal's SDK has measured: of a counter what is added, else the value itself. */
export interface SdkUpdate {
  readonly metric: { readonly name: string };
  readonly value: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Seconds, from 1 ms to a minute. */
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Kept {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  readonly help: string;
  /** Those of the SDK's attributes that tell something here: each has few values. */
  readonly labels: readonly string[];
}

const counter = (help: string, ...labels: string[]): Kept => ({ kind: 'counter', help, labels });
const seconds = (help: string, ...labels: string[]): Kept => ({ kind: 'histogram', help, labels });
const gauge = (help: string, ...labels: string[]): Kept => ({ kind: 'gauge', help, labels });

/**
 * What of the SDK's metrics is kept, by its name there. The rest says the same in another way, or nothing that a stage does not.
 * Queues are no label: there is one for each tenant and subscription.
 */
const KEPT: Readonly<Record<string, Kept>> = {
  temporal_request: counter('Calls of Temporal', 'operation'),
  temporal_request_failure: counter('Calls of Temporal that failed', 'operation', 'status_code'),
  temporal_request_latency: seconds('Duration of calls of Temporal', 'operation'),
  temporal_long_request_failure: counter(
    'Calls of Temporal that wait for work or an end, and failed',
    'operation',
    'status_code',
  ),
  temporal_workflow_completed: counter('Workflows that have ended well', 'workflow_type'),
  temporal_workflow_failed: counter('Workflows that have failed', 'workflow_type'),
  temporal_workflow_endtoend_latency: seconds(
    "From a workflow's start to its end, of those that have ended well",
    'workflow_type',
  ),
  temporal_workflow_task_execution_failed: counter('Workflow tasks that failed', 'workflow_type'),
  temporal_workflow_task_execution_latency: seconds('Duration of workflow tasks', 'workflow_type'),
  temporal_workflow_task_schedule_to_start_latency: seconds(
    'For how long workflow tasks waited for a worker',
  ),
  temporal_activity_execution_failed: counter('Attempts of activities that failed', 'activity_type'),
  temporal_activity_execution_latency: seconds('Duration of attempts of activities', 'activity_type'),
  temporal_activity_schedule_to_start_latency: seconds('For how long activities waited for a worker'),
  temporal_local_activity_execution_failed: counter(
    'Attempts of local activities that failed',
    'activity_type',
  ),
  temporal_local_activity_execution_latency: seconds(
    'Duration of attempts of local activities',
    'activity_type',
  ),
  temporal_worker_task_slots_available: gauge('Tasks that workers could take up', 'worker_type'),
  temporal_worker_task_slots_used: gauge('Tasks that workers have taken up', 'worker_type'),
  temporal_num_pollers: gauge('Polls for tasks that are open', 'poller_type'),
  temporal_sticky_cache_size: gauge('Workflows in memory'),
};

/** Takes what the SDK has measured into metrics of our own. */
export interface SdkMetrics {
  take(updates: Iterable<SdkUpdate>): void;
}

type Take = (update: SdkUpdate, labels: Record<string, string>) => void;

/** Makes the metrics that are kept of the SDK's; what is not in the list is passed over. */
export function createSdkMetrics(registry: Registry): SdkMetrics {
  const takers = new Map<string, { readonly labels: readonly string[]; readonly take: Take }>();
  for (const [name, kept] of Object.entries(KEPT))
    takers.set(name, { labels: kept.labels, take: takerOf(name, kept, registry) });
  return {
    take: (updates) => {
      for (const update of updates) {
        const taker = takers.get(update.metric.name);
        taker?.take(update, labelsOf(taker.labels, update));
      }
    },
  };
}

function takerOf(name: string, { kind, help, labels: labelNames }: Kept, registry: Registry): Take {
  const common = { help, labelNames, registers: [registry] };
  if (kind === 'gauge') return sumOf(new Gauge({ ...common, name }));
  if (kind === 'counter') {
    const made = new Counter({ ...common, name: `${name}_total` });
    return ({ value }, labels) => made.inc(labels, value);
  }
  const made = new Histogram({ ...common, name: `${name}_seconds`, buckets: SECONDS });
  return ({ value }, labels) => made.observe(labels, value);
}

/** Each worker has a value of its own, told by its queue; what is shown is their sum. */
function sumOf(sum: Gauge): Take {
  const known = new Map<string, number>();
  return ({ value, attributes }, labels) => {
    const key = JSON.stringify([attributes.task_queue, labels]);
    sum.inc(labels, value - (known.get(key) ?? 0));
    if (value === 0) known.delete(key);
    else known.set(key, value);
  };
}

function labelsOf(names: readonly string[], { attributes }: SdkUpdate): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, String(attributes[name] ?? '')]));
}

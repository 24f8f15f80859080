import { Counter, Histogram, exponentialBuckets, type Registry } from 'prom-client';

/** Seconds, from 1 ms to 16 s. */
const LATENCIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 16];
/** Seconds of a load, from 25 ms to 5 minutes. */
const LOAD_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300];
/** Events in a batch: 1 to 65,536. */
const BATCH_EVENTS = exponentialBuckets(1, 4, 9);
/** Bytes of a batch: 1 KiB to 64 MiB. */
const BATCH_BYTES = exponentialBuckets(1024, 4, 9);
/** Rows of a load: 1 to 4 million. */
const LOAD_ROWS = exponentialBuckets(1, 4, 12);

/** What is counted as it happens. */
export interface Instruments {
  readonly events: Counter<'tenant' | 'outcome'>;
  readonly receivedBytes: Counter<'tenant'>;
  readonly ackSeconds: Histogram;
  readonly refusals: Counter<'tenant' | 'code'>;
  readonly refusedTokens: Counter<'code'>;
  readonly schemaViolations: Counter<'tenant' | 'mode'>;
  readonly expressionFailures: Counter<'tenant' | 'owner' | 'name' | 'code'>;
  readonly batchEvents: Histogram<'stream'>;
  readonly batchBytes: Histogram<'stream'>;
  readonly decidedEvents: Counter<'tenant'>;
  readonly decisions: Counter<'tenant' | 'rule' | 'outcome'>;
  readonly loads: Counter<'tenant' | 'outcome'>;
  readonly loadSeconds: Histogram;
  readonly tenantLoadSeconds: Counter<'tenant'>;
  readonly loadRows: Histogram;
  readonly rowsLeftOut: Counter<'tenant'>;
  readonly clashes: Counter<'tenant'>;
  readonly compactions: Counter<'tenant' | 'outcome'>;
  readonly compactedFiles: Counter<'tenant' | 'files'>;
  readonly compactedBytes: Counter<'tenant' | 'files'>;
  readonly loopSeconds: Counter<'tenant'>;
  readonly retries: Counter<'tenant' | 'step'>;
  readonly deliveries: Counter<'tenant' | 'subscription' | 'outcome'>;
  readonly deliveredBytes: Counter<'tenant' | 'subscription'>;
  readonly deliverySeconds: Counter<'tenant' | 'subscription'>;
  readonly deliveryTries: Counter<'tenant' | 'subscription'>;
  readonly deliveredAgeSeconds: Counter<'tenant' | 'subscription'>;
  readonly deliveryActivitySeconds: Counter<'tenant' | 'subscription'>;
  readonly subscriptionCpuSeconds: Counter<'tenant' | 'subscription'>;
  readonly deadEvents: Counter<'tenant' | 'subscription' | 'reason'>;
}

/** Makes the counters and histograms in a registry. */
export function createInstruments(registry: Registry): Instruments {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Label[] = [],
  ): Histogram<Label> => new Histogram({ name, help, buckets, labelNames, registers });
  return {
    events: counter(
      'headgate_events_total',
      'Events answered for, by outcome: accepted, duplicate, rejected',
      ['tenant', 'outcome'],
    ),
    receivedBytes: counter('headgate_received_bytes_total', 'Bytes of requests, inflated', ['tenant']),
    ackSeconds: histogram('headgate_ack_seconds', 'From the headers of a request to its answer', LATENCIES),
    ...refusalInstruments(counter),
    schemaViolations: counter(
      'headgate_schema_violations_total',
      'Events that did not fit their schemas, by mode: enforce (rejected), warn (taken)',
      ['tenant', 'mode'],
    ),
    ...expressionInstruments(counter),
    batchEvents: histogram('headgate_batch_events', 'Events in a batch', BATCH_EVENTS, ['stream']),
    batchBytes: histogram('headgate_batch_bytes', 'Bytes of NDJSON in a batch', BATCH_BYTES, ['stream']),
    decidedEvents: counter('headgate_decided_events_total', 'Events decided on', ['tenant']),
    decisions: counter('headgate_decisions_total', 'Decisions made, by outcome: eligible, ineligible', [
      'tenant',
      'rule',
      'outcome',
    ]),
    ...loadInstruments(counter, histogram),
    retries: counter('headgate_step_retries_total', 'Steps that failed and were tried again', [
      'tenant',
      'step',
    ]),
    loopSeconds: counter(
      'headgate_event_loop_seconds_total',
      "Seconds of the process's event loop that work on a tenant's events has taken",
      ['tenant'],
    ),
    ...compactionInstruments(counter),
    ...deliveryInstruments(counter),
  };
}

type MakeCounter = <Label extends string>(name: string, help: string, labels: Label[]) => Counter<Label>;
type MakeHistogram = (name: string, help: string, buckets: number[]) => Histogram;

type LoadInstruments = 'loads' | 'loadSeconds' | 'tenantLoadSeconds' | 'loadRows' | 'rowsLeftOut' | 'clashes';

function loadInstruments(counter: MakeCounter, histogram: MakeHistogram): Pick<Instruments, LoadInstruments> {
  return {
    loads: counter('headgate_loads_total', 'Attempts to load, by outcome: loaded, failed', [
      'tenant',
      'outcome',
    ]),
    loadSeconds: histogram('headgate_load_seconds', 'Duration of an attempt to load', LOAD_SECONDS),
    tenantLoadSeconds: counter('headgate_tenant_load_seconds_total', 'Seconds of attempts to load', [
      'tenant',
    ]),
    loadRows: histogram('headgate_load_rows', 'Rows of a load', LOAD_ROWS),
    rowsLeftOut: counter(
      'headgate_rows_left_out_total',
      'Rows that could not be loaded, and became dead letters of the warehouse',
      ['tenant'],
    ),
    clashes: counter(
      'headgate_clashes_total',
      'Values of promoted fields that did not fit the type of their columns, and are in _clashes',
      ['tenant'],
    ),
  };
}

function refusalInstruments(counter: MakeCounter): Pick<Instruments, 'refusals' | 'refusedTokens'> {
  return {
    refusals: counter(
      'headgate_refused_requests_total',
      'Requests of events answered with an error, and all that were answered 429 or 503, by code',
      ['tenant', 'code'],
    ),
    refusedTokens: counter(
      'headgate_refused_tokens_total',
      'Requests refused for their token, by code: none, not good, expired, of no tenant, or without the scope',
      ['code'],
    ),
  };
}

function expressionInstruments(counter: MakeCounter): Pick<Instruments, 'expressionFailures'> {
  return {
    expressionFailures: counter(
      'headgate_expression_failures_total',
      'Expressions that failed on an event, by what they are of (rule, aggregate, route, ordering key, template) and why',
      ['tenant', 'owner', 'name', 'code'],
    ),
  };
}

function compactionInstruments(
  counter: MakeCounter,
): Pick<Instruments, 'compactions' | 'compactedFiles' | 'compactedBytes'> {
  const labels: ('tenant' | 'files')[] = ['tenant', 'files'];
  return {
    compactions: counter(
      'headgate_compactions_total',
      "Compactions of tenants' warehouses, by outcome: compacted, failed",
      ['tenant', 'outcome'],
    ),
    compactedFiles: counter(
      'headgate_compacted_files_total',
      'Files that compactions replaced, and wrote instead',
      labels,
    ),
    compactedBytes: counter(
      'headgate_compacted_bytes_total',
      'Bytes of files that compactions replaced, and wrote instead',
      labels,
    ),
  };
}

function deliveryInstruments(
  counter: MakeCounter,
): Pick<
  Instruments,
  | 'deliveries'
  | 'deliveredBytes'
  | 'deliverySeconds'
  | 'deliveryTries'
  | 'deliveredAgeSeconds'
  | 'deliveryActivitySeconds'
  | 'subscriptionCpuSeconds'
  | 'deadEvents'
> {
  return {
    deliveries: counter(
      'headgate_deliveries_total',
      'Events tried to deliver, by outcome: delivered, failed; retried counts those of both that had been tried before',
      ['tenant', 'subscription', 'outcome'],
    ),
    deliveredBytes: counter('headgate_delivery_bytes_total', 'Bytes sent to subscriptions', [
      'tenant',
      'subscription',
    ]),
    deliverySeconds: counter(
      'headgate_delivery_seconds_total',
      'Seconds that requests to subscriptions took',
      ['tenant', 'subscription'],
    ),
    deliveryTries: counter(
      'headgate_delivery_requests_total',
      'Requests to subscriptions that push; passes over a batch for workflows',
      ['tenant', 'subscription'],
    ),
    deliveredAgeSeconds: counter(
      'headgate_delivered_event_seconds_total',
      'Seconds from the receipt of events until a subscription had them, of all events together; those that were replayed or redriven are left out',
      ['tenant', 'subscription'],
    ),
    deliveryActivitySeconds: counter(
      'headgate_delivery_activity_seconds_total',
      'Seconds of activities that deliver: passes, and for pull the time that batches are in the hands of consumers',
      ['tenant', 'subscription'],
    ),
    subscriptionCpuSeconds: counter(
      'headgate_subscription_cpu_seconds_total',
      'Seconds of CPU time of the process that were spent on a subscription, shared out by the work that was done for each',
      ['tenant', 'subscription'],
    ),
    deadEvents: counter('headgate_dead_events_total', 'Events that became dead letters, by reason', [
      'tenant',
      'subscription',
      'reason',
    ]),
  };
}

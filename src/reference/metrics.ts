/** What the labels of metrics stand for. Each that a metric has must be here. */
export const METRIC_LABELS: Readonly<Record<string, string>> = {
  tenant:
    'The id of a tenant. Those of the first `HEADGATE_METRICS_TENANTS` to which something happens; the others share `other`.',
  subscription: 'The name of a subscription of the tenant; `other` where the tenant is `other`.',
  outcome: 'What came of it. The description of the metric names the values.',
  code: 'A [code of an error](errors.md), or `INTERNAL`. Of an expression that failed, [why](errors.md#failures-of-expressions).',
  mode: 'The `mode` of the schema: `enforce` or `warn`.',
  owner:
    'What the expression is of: `rule`, `aggregate`, `route`, `ordering-key` or `template` (of a workflow subscription).',
  name: 'Which of them: its name, the place of a route (from 0), the subscription of an ordering key, or `sync.id` for a template. 1,000 have a name of their own; the others share `other`.',
  stream: 'The stream of a batch: `events`, `user-properties` or `decisions`.',
  files: '`replaced` or `written`.',
  step: 'The step of a batch: `write`, `start`, `park`, `hand-over`, `count`, `await`, `finish`, `checkpoint` or `load`.',
  reason: 'One of the [reasons of dead letters](errors.md#reasons-of-dead-letters).',
  rule: 'The name of a rule. 1,000 have a name of their own; the others share `other`.',
  stage:
    'Where events have come to: `decided`, `durable` (on disk, with their decisions), `accepted` (answered), `started` (Temporal has their batch), `loaded` (in the warehouse) or `delivered` (a subscription has them).',
  state: 'How a subscription stands: `active`, `paused`, `draining`, `disabled` or `breaker-open`.',
  disk: 'What is on it: `spool`, `batches`, `state` or `warehouse`.',
  check:
    'What the process needs, as `/readyz` names it: that it takes events, `temporal`, `spool` (it can be written) or `workers`.',
  operation: 'A call of the API of Temporal.',
  status_code: 'The code of gRPC that the call failed with.',
  workflow_type: 'The type of a workflow.',
  activity_type: 'The type of an activity.',
  worker_type:
    'What the tasks are: `WorkflowWorker`, `ActivityWorker`, `LocalActivityWorker` or `NexusWorker`.',
  poller_type: 'What is polled for: `workflow_task`, `sticky_workflow_task` or `activity_task`.',
  project: 'A project of BigQuery. 50 have a label of their own; of the others the fullest is shown.',
};

const LOOK = "Told by the API's process, up to some 15 s old; missing while Temporal is away.";

/** Where the runbook says what to do when it rises. */
function seePage(page: string, title: string): string {
  return `When it rises: [${title}](../runbook/${page}.md).`;
}

const LAGS = seePage('subscription-lags', 'a subscription lags');
const SPOOL = seePage('spool-grows', 'the spool grows');
const QUOTA = seePage('loads-wait-for-a-quota', 'loads wait for a quota');
const LEFT_OUT = seePage('rows-left-out', 'rows are left out or clash');

/** What is to be known of single metrics beyond their help. */
export const METRIC_NOTES: Readonly<Record<string, string>> = {
  headgate_batch_events: 'Its `_count` is the number of batches.',
  headgate_clashes_total: LEFT_OUT,
  headgate_dead_events_total: seePage('dead-letters-appear', 'dead letters appear'),
  headgate_backlog_oldest_seconds: SPOOL,
  headgate_decisions_total: 'Those that are made again after a crash are not counted.',
  headgate_delivered_event_seconds_total:
    'Over the rate of `headgate_deliveries_total` with the outcome `delivered` it is the mean age at arrival.',
  headgate_delivery_seconds_total:
    'Over the rate of `headgate_delivery_requests_total` it is the mean duration of a request.',
  headgate_disk_free_bytes: seePage('doctor-disk', 'doctor: disk'),
  headgate_event_loop_seconds_total:
    'Parsing, checking, deciding and routing of events, and answers about subjects. What it is of the CPU: over the rate of `process_cpu_seconds_total`.',
  headgate_ready: 'As `/readyz` says it, twice a second at most.',
  headgate_stage_seconds:
    'In the format of OpenMetrics the buckets of `started`, `loaded` and `delivered` name a batch. What is replayed or redriven is left out; so are batches of before an upgrade.',
  headgate_stage_event_seconds_total:
    'Over the rate of `headgate_stage_events_total` it is the mean time of a tenant until the stage.',
  headgate_expression_failures_total: seePage('expressions-fail', 'expressions fail'),
  headgate_load_jobs: QUOTA,
  headgate_load_window_seconds: 'A lag of the warehouse is long when it is longer than two of these windows.',
  headgate_loads_total:
    'When failed ones appear: [loads are slowed down](../runbook/loads-are-slowed-down.md).',
  headgate_refused_requests_total: seePage('events-refused', 'events are refused'),
  headgate_refused_tokens_total: seePage('tokens-refused', 'tokens are refused'),
  headgate_rows_left_out_total: LEFT_OUT,
  headgate_schema_violations_total: seePage('schema-violations', 'events do not fit their schemas'),
  headgate_spool_bytes: SPOOL,
  headgate_spool_oldest_seconds: SPOOL,
  headgate_step_retries_total: SPOOL,
  headgate_subscription_oldest_undelivered_seconds: `${LOOK} ${LAGS}`,
  headgate_subscription_undelivered_batches: `${LOOK} ${LAGS}`,
  headgate_subscription_undelivered_events: `${LOOK} A redrive counts as one. Missing for \`warehouse\`. ${LAGS}`,
  headgate_subscription_cpu_seconds_total: seePage('subscription-expensive', 'a subscription is expensive'),
  headgate_subscription_failing_seconds: `${LOOK} ${seePage('subscription-failing', 'a subscription fails')}`,
  headgate_subscription_state: `${LOOK} A state that no subscription is in has no series. Where one is stopped: [a subscription lags](../runbook/subscription-lags.md).`,
  headgate_table_load_jobs: QUOTA,
};

/**
 * The durable steps of the pipeline, in its order. A crash test arms the point before or after one of them; see {@link armFaultPoint}.
 * `checkpoint` is the state's transaction, `spool-delete` the end of what Temporal and the state both have.
 */
const DURABLE_STEPS = [
  'spool-flush',
  'plan',
  'batch-file',
  'decisions-file',
  'workflow-start',
  'hand-over',
  'announce',
  'deliver-start',
  // Of a dead letter; programs that crash Headgate set it by this name.
  'park',
  'checkpoint',
  'spool-delete',
  'parquet-rename',
] as const;

/** The durable steps of a compaction of the warehouse, which is apart from the pipeline. */
const COMPACTION_STEPS = ['compact-rename', 'compact-delete'] as const;

/** The durable steps that are taken only where batch files are encrypted: a tenant's first key. */
const KEY_STEPS = ['batch-key'] as const;

/** The durable steps of a change to a tenant that is asked for by the API or a command. */
const CHANGE_STEPS = ['tenant-change'] as const;

/** The durable steps of a load into BigQuery by a load job, in its order; a tenant whose warehouse is Parquet passes none of them. */
const BIGQUERY_STEPS = ['bigquery-stage', 'bigquery-claim', 'bigquery-submit', 'bigquery-done'] as const;

/** The same of a load by the Storage Write API, where a stream takes the place of a job. */
const BIGQUERY_STREAM_STEPS = [
  'bigquery-stage',
  'bigquery-stream-create',
  'bigquery-claim',
  'bigquery-append',
  'bigquery-finalize',
  'bigquery-commit',
  'bigquery-done',
] as const;

type Step = (
  | typeof DURABLE_STEPS
  | typeof COMPACTION_STEPS
  | typeof KEY_STEPS
  | typeof CHANGE_STEPS
  | typeof BIGQUERY_STEPS
  | typeof BIGQUERY_STREAM_STEPS
)[number];

/** A place where a test may end the process: just before, or just after, a durable step. */
export type FaultPoint = `${Step}.${'before' | 'after'}`;

const around = (steps: readonly Step[]): readonly FaultPoint[] =>
  steps.flatMap((step) => [`${step}.before`, `${step}.after`] as const);

/** Every fault point of the pipeline, in the order an event passes them. */
export const FAULT_POINTS = around(DURABLE_STEPS);

/** Every fault point of a compaction. */
export const COMPACTION_FAULT_POINTS = around(COMPACTION_STEPS);

/** Every fault point of the keys of batch files. */
const KEY_FAULT_POINTS = around(KEY_STEPS);

/** Every fault point of a change to a tenant. */
const CHANGE_FAULT_POINTS = around(CHANGE_STEPS);

/** Every fault point of a load into BigQuery by load jobs. */
export const BIGQUERY_FAULT_POINTS = around(BIGQUERY_STEPS);

/** Every fault point of a load into BigQuery by the Storage Write API. */
export const BIGQUERY_STREAM_FAULT_POINTS = around(BIGQUERY_STREAM_STEPS);

/** Every fault point there is. */
export const ALL_FAULT_POINTS: readonly FaultPoint[] = [
  ...FAULT_POINTS,
  ...COMPACTION_FAULT_POINTS,
  ...KEY_FAULT_POINTS,
  ...CHANGE_FAULT_POINTS,
  ...BIGQUERY_FAULT_POINTS,
  ...BIGQUERY_STREAM_FAULT_POINTS,
];

let armed: { readonly point: string; passes: number } | undefined;

/**
 * Arms a point: the process kills itself with SIGKILL, as a power cut would, when it is passed for the `passes`th time.
 * For crash tests alone: `HEADGATE_FAULT=plan.after:3`.
 */
export function armFaultPoint(point: FaultPoint, passes = 1): void {
  armed = { point, passes };
}

/** Marks a place between two durable steps. Does nothing unless a test has armed it. */
export function faultPoint(point: FaultPoint): void {
  if (armed?.point !== point || --armed.passes > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment; nothing may happen meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

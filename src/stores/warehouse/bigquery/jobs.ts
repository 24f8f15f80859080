import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../../../errors.js';
import { faultPoint } from '../../../platform/fault-point.js';
import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { isNotFound, type BigQueryApi } from './client.js';
import { answerOf, bigQueryError, isRefusal, jobError, type ErrorReason } from './errors.js';
import { jobIdOf } from './place.js';

const FIRST_LOOK_MS = 250;
const LAST_LOOK_MS = 5_000;
/** Parts whose last failed generation is remembered; of others the generations are asked for from the first. */
const MAX_REMEMBERED = 10_000;
/** A part that has failed so often is a mistake of ours; each generation costs the table one of its 1,500 loads a day. */
const MAX_GENERATIONS = 1_000;

/** A job as BigQuery's REST API has it, as far as it is looked at. */
interface Job {
  readonly status?: {
    readonly state?: 'PENDING' | 'RUNNING' | 'DONE';
    readonly errorResult?: ErrorReason;
    readonly errors?: readonly ErrorReason[];
  };
  readonly statistics?: { readonly load?: { readonly outputRows?: string } };
}

/** The configuration of a load job, but for what it loads. */
export interface LoadConfiguration {
  readonly labels: Readonly<Record<string, string>>;
  readonly load: object;
}

/** What is loaded: a file of this disk that is uploaded with the job, or objects in Cloud Storage. */
export type Source = { readonly path: string } | { readonly uris: readonly string[] };

/** How a part of a load stands. */
export type PartState =
  | { readonly state: 'loaded' }
  /** No job has been submitted, or all that were have failed for certain; the next one has this generation. */
  | { readonly state: 'open'; readonly generation: number };

/** The last generation of each part that has failed for certain. */
export type FailedGenerations = LRUCache<string, number>;

/** See {@link FailedGenerations}. */
export function failedGenerations(): FailedGenerations {
  return new LRUCache({ max: MAX_REMEMBERED });
}

/** What a job is to do; a retry asks for the same. */
export interface LoadJob {
  readonly part: string;
  readonly generation: number;
  readonly configuration: LoadConfiguration;
  readonly source: Source;
  /** Rows in the source: a job that has loaded more or fewer fails the load. */
  readonly rows: number;
}

/** Load jobs in a tenant's project and location. What is thrown is sorted, see {@link bigQueryError}. */
export class Jobs {
  constructor(
    private readonly api: BigQueryApi,
    private readonly config: BigQueryConfig,
    private readonly failed: FailedGenerations,
    private readonly signal?: AbortSignal,
    /** Called before each request that may make a job. */
    private readonly onSubmit?: () => void,
  ) {}

  /**
   * How a part stands, once that is certain: a job under way is waited for.
   * @param rows that it must have
   */
  stateOf(part: string, rows: number): Promise<PartState> {
    return this.sorted(() => this.findState(part, rows));
  }

  /** Submits a part's next job and waits for it. One that has failed for certain is never tried again. */
  run(job: LoadJob): Promise<void> {
    return this.sorted(() => this.submitAndWait(job));
  }

  private async findState(part: string, rows: number): Promise<PartState> {
    let generation = (this.failed.get(part) ?? -1) + 1;
    for (; generation < MAX_GENERATIONS; generation++) {
      const jobId = jobIdOf(part, generation);
      const job = await this.get(jobId);
      if (job === undefined) return { state: 'open', generation };
      const ended = await this.ended(jobId, job);
      if (ended.status?.errorResult === undefined) {
        assertRows(jobId, ended, rows);
        return { state: 'loaded' };
      }
      this.failed.set(part, generation);
    }
    const message = `Jobs of ${part} have failed ${generation} times; no more are tried.`;
    throw new HeadgateError('WAREHOUSE_FAILED', message, { retryable: true });
  }

  private async submitAndWait({ part, generation, configuration, source, rows }: LoadJob): Promise<void> {
    const { project: projectId, location } = this.config;
    const { labels, load } = configuration;
    const jobId = jobIdOf(part, generation);
    const uris = 'uris' in source ? { sourceUris: source.uris } : {};
    const job = {
      jobReference: { projectId, jobId, location },
      configuration: { labels, load: { ...load, ...uris } },
    };
    faultPoint('bigquery-submit.before');
    const submitted = await this.submit(jobId, job, source);
    faultPoint('bigquery-submit.after');
    const ended = await this.ended(jobId, submitted);
    const { status } = ended;
    if (status?.errorResult !== undefined) {
      this.failed.set(part, generation);
      throw jobError(jobId, [status.errorResult, ...(status.errors ?? [])], this.config);
    }
    assertRows(jobId, ended, rows);
  }

  /** Whether the job is there is asked whenever that is not certain: only an answer settles what has become of a request. */
  private async submit(jobId: string, body: object, source: Source): Promise<Job> {
    const { api, signal } = this;
    this.onSubmit?.();
    try {
      if ('path' in source) return await api.upload<Job>(body, source.path, signal);
      return await api.request<Job>({ method: 'POST', path: 'jobs', body, signal });
    } catch (error) {
      if (isRefusal(answerOf(error))) throw error;
      const there = await this.get(jobId);
      if (there === undefined) throw error;
      return there;
    }
  }

  private async get(jobId: string): Promise<Job | undefined> {
    const query = { location: this.config.location };
    try {
      return await this.api.request<Job>({ path: `jobs/${jobId}`, query, signal: this.signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  private async ended(jobId: string, first: Job): Promise<Job> {
    let job = first;
    for (let ms = FIRST_LOOK_MS; job.status?.state !== 'DONE'; ms = Math.min(ms * 1.5, LAST_LOOK_MS)) {
      await sleep(ms, undefined, { signal: this.signal });
      const again = await this.get(jobId);
      if (again === undefined) throw new Error(`job ${jobId} is gone`);
      job = again;
    }
    return job;
  }

  private async sorted<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      this.signal?.throwIfAborted();
      throw bigQueryError(error, this.config);
    }
  }
}

/** BigQuery takes all rows or none; should that ever fail, it must not pass for done. An emulator counts none. */
function assertRows(jobId: string, { statistics }: Job, rows: number): void {
  const loaded = statistics?.load?.outputRows;
  if (loaded === undefined || Number(loaded) === rows) return;
  const message = `Job ${jobId} has loaded ${loaded} rows of ${rows}.`;
  throw new HeadgateError('WAREHOUSE_FAILED', message, { retryable: true });
}

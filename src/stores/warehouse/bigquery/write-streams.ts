import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { answerError } from './errors.js';
import { Status, statusOf, streamError } from './stream-errors.js';
import type { WriteClient } from './write-client.js';

const REQUEST_TIMEOUT_MS = 30_000;
/**
 * Making streams slows down when a project makes many; one that nobody waits for any more counts against its quota.
 * @see https://cloud.google.com/bigquery/docs/write-api-best-practices
 */
const CREATE_TIMEOUT_MS = 120_000;

/** Errors of a stream that pass when somebody has corrected a key, or who may use it. */
const ABOUT_KEY = /^(INVALID_)?CMEK_|^KMS_PERMISSION/;

/** What has become of a stream. */
export type StreamState = 'committed' | 'uncommitted' | 'gone';

/** Requests about pending write streams of a table. What is thrown is sorted, see `bigQueryError`. */
export class WriteStreams {
  /** @param table `projects/…/datasets/…/tables/…` */
  constructor(
    private readonly client: WriteClient,
    private readonly config: BigQueryConfig,
    private readonly table: string,
    private readonly signal?: AbortSignal,
  ) {}

  /** Makes a stream whose rows nobody sees before it is committed, and gives its name. */
  async create(): Promise<string> {
    const writeStream = { type: 'PENDING' as const };
    const [{ name }] = await this.ask((options) => {
      const request = { parent: this.table, writeStream };
      return this.client.calls.createWriteStream(request, { ...options, timeout: CREATE_TIMEOUT_MS });
    });
    if (typeof name !== 'string' || name === '') throw new Error('BigQuery gave a stream no name');
    return name;
  }

  async stateOf(name: string): Promise<StreamState> {
    try {
      const [{ commitTime }] = await this.ask((options) =>
        this.client.calls.getWriteStream({ name }, options),
      );
      return commitTime ? 'committed' : 'uncommitted';
    } catch (error) {
      if (statusOf(error) === Status.NOT_FOUND) return 'gone';
      throw error;
    }
  }

  /**
   * Ends a stream: nothing can be appended to it any more. Again gives the same answer.
   * @returns the rows in it, or why it cannot be ended: it is gone, or its state does not allow it, as when it is committed
   */
  async finalize(name: string): Promise<number | 'gone' | 'refused'> {
    try {
      const [{ rowCount }] = await this.ask((options) =>
        this.client.calls.finalizeWriteStream({ name }, options),
      );
      return Number(rowCount ?? 0);
    } catch (error) {
      const status = statusOf(error);
      if (status === Status.NOT_FOUND) return 'gone';
      if (status === Status.FAILED_PRECONDITION || status === Status.INVALID_ARGUMENT) return 'refused';
      throw error;
    }
  }

  /**
   * Shows all rows of a stream that has been ended. Google says that they are by the time of the commit, and by nothing else.
   * @returns false when the answer does not say that it is committed, now or before
   */
  async commit(name: string): Promise<boolean> {
    const request = { parent: this.table, writeStreams: [name] };
    const [{ commitTime, streamErrors }] = await this.ask((options) =>
      this.client.calls.batchCommitWriteStreams(request, options),
    );
    const [error] = streamErrors ?? [];
    if (error === undefined) return Boolean(commitTime);
    if (error.code === 'STREAM_ALREADY_COMMITTED') return true;
    if (error.code === 'INVALID_STREAM_STATE' || error.code === 'STREAM_NOT_FOUND') return false;
    const message = `${name} is not committed: ${error.code} ${error.errorMessage}`;
    const reasons = ABOUT_KEY.test(String(error.code)) ? [{ reason: 'accessDenied' }] : [];
    throw answerError({ reasons, message }, this.config);
  }

  private async ask<T>(call: (options: { timeout: number; retry: null }) => Promise<T>): Promise<T> {
    try {
      // Nothing is tried again here, since that is left to Temporal.
      return await unlessAborted(call({ timeout: REQUEST_TIMEOUT_MS, retry: null }), this.signal);
    } catch (error) {
      this.signal?.throwIfAborted();
      throw streamError(error, this.config);
    }
  }
}

/** What is called off is not waited for any more; what comes of it, the retry finds. */
export function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const giveUp = (): void => reject(signal?.reason as Error);
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    void work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', giveUp));
  });
}

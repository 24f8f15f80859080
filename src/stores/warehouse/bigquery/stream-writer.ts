import { HeadgateError } from '../../../errors.js';
import { faultPoint } from '../../../platform/fault-point.js';
import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import type { LoadClaim, NamedClaim } from '../../load-claims/load-claims.js';
import { tableOf } from '../../../events/columns.js';
import type { LoadInput } from '../warehouse.js';
import { appendRows } from './append.js';
import type { BigQueryApi } from './client.js';
import { unavailable } from './errors.js';
import { hasRowsOf } from './loaded-rows.js';
import { fieldsOf } from './schema.js';
import type { Staged } from './stage.js';
import { streamError } from './stream-errors.js';
import type { WriteClient, WriteClients } from './write-client.js';
import { WriteStreams } from './write-streams.js';
import type { ClaimState, Writer } from './writer.js';

/** What {@link StreamWriter} needs. */
export interface StreamWriterOptions {
  readonly input: LoadInput;
  readonly config: BigQueryConfig;
  readonly api: BigQueryApi;
  readonly clients: WriteClients;
}

interface Connected {
  readonly client: WriteClient;
  readonly streams: WriteStreams;
}

/**
 * Pending streams of the Storage Write API. A claim names the one stream by which its rows may come in, and is written
 * before the first row is appended. A stream goes from open to ended and from ended to committed, and never back:
 *
 * - It is committed only by a process that has ended it and was told that it has as many rows as its claim. Both may be
 *   done by several attempts at once, since BigQuery answers the same to all and shows the rows once.
 * - An attempt that comes upon the claim of another one ends its stream. If all rows are in it, it commits it; if not, no
 *   one ever can, whatever the other attempt still does, and the rows go by another claim with a stream of its own. So it
 *   does not matter that the rows of two attempts may differ in what the tenant's configuration adds to them.
 *
 * A stream that is gone, since BigQuery deletes those that are not committed for days, was committed if its rows are in the
 * table.
 */
export class StreamWriter implements Writer {
  readonly kind = 'storage-write';
  private connected?: Promise<Connected>;

  constructor(private readonly options: StreamWriterOptions) {}

  async stateOf(claim: NamedClaim): Promise<ClaimState> {
    const name = this.nameIn(claim);
    if (name === '') return 'loaded';
    const { streams } = await this.connect();
    const state = await streams.stateOf(name);
    if (state === 'committed') return 'loaded';
    const rows = state === 'gone' ? state : await streams.finalize(name);
    if (typeof rows === 'string') {
      if (await this.hasRowsOf(claim)) return 'loaded';
      if (rows === 'gone') return 'void';
      throw unavailable(`BigQuery does not say how the write stream of ${claim.name} stands.`);
    }
    if (rows !== claim.rows) return 'void';
    await this.commit(streams, claim);
    return 'loaded';
  }

  async prepare(rows: number): Promise<Pick<LoadClaim, 'stream'>> {
    const { loadedAt } = this.options.input;
    if (rows === 0) return { stream: { name: '', loadedAt } };
    const { streams } = await this.connect();
    faultPoint('bigquery-stream-create.before');
    const name = await streams.create();
    faultPoint('bigquery-stream-create.after');
    return { stream: { name, loadedAt } };
  }

  async write(claim: NamedClaim, { path }: Staged): Promise<void> {
    const stream = this.nameIn(claim);
    if (stream === '') return;
    const { input, config } = this.options;
    const { client, streams } = await this.connect();
    try {
      const fields = fieldsOf(tableOf(input.stream), input.promoted);
      await appendRows({ client, stream, fields, path, signal: input.signal });
    } catch (error) {
      input.signal?.throwIfAborted();
      throw streamError(error, config);
    }
    faultPoint('bigquery-finalize.before');
    const rows = await streams.finalize(stream);
    faultPoint('bigquery-finalize.after');
    if (rows !== claim.rows)
      throw unavailable(
        `Another attempt has ended the write stream of ${claim.name}; the next one looks again.`,
      );
    await this.commit(streams, claim);
  }

  private async commit(streams: WriteStreams, claim: NamedClaim): Promise<void> {
    faultPoint('bigquery-commit.before');
    const certain = await streams.commit(this.nameIn(claim));
    faultPoint('bigquery-commit.after');
    if (!certain && !(await this.hasRowsOf(claim)))
      throw unavailable(`BigQuery does not say whether ${claim.name} is committed.`);
  }

  private hasRowsOf(claim: LoadClaim): Promise<boolean> {
    const { input, config, api } = this.options;
    return hasRowsOf({ api, config, table: tableOf(input.stream), signal: input.signal }, claim);
  }

  /** A stream of another table would be another tenant's; the project may be its name or its number. */
  private nameIn({ stream }: LoadClaim): string {
    const { name = '' } = stream ?? {};
    const [, ofProject = ''] = /^projects\/[^/]+\/(.*)\/streams\/[^/]+$/.exec(name) ?? [];
    const { config, input } = this.options;
    if (name === '' || ofProject === `datasets/${config.dataset}/tables/${tableOf(input.stream)}`)
      return name;
    const message = `A claim of tenant ${input.tenant} names a write stream that is not of its table.`;
    throw new HeadgateError('WAREHOUSE_FAILED', message, { retryable: true });
  }

  private connect(): Promise<Connected> {
    return (this.connected ??= this.open());
  }

  private async open(): Promise<Connected> {
    const { input, config, api, clients } = this.options;
    const table = `projects/${config.project}/datasets/${config.dataset}/tables/${tableOf(input.stream)}`;
    const client = await clients.of(config, await api.credentials());
    return { client, streams: new WriteStreams(client, config, table, input.signal) };
  }
}

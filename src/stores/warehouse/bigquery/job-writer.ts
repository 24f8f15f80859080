import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import type { NamedClaim } from '../../load-claims/load-claims.js';
import { tableOf } from '../../../events/columns.js';
import type { LoadInput } from '../warehouse.js';
import type { Jobs, LoadConfiguration } from './jobs.js';
import { jobIdOf } from './place.js';
import type { Staged } from './stage.js';
import type { StagingBucket } from './staging-bucket.js';
import type { ClaimState, Writer } from './writer.js';

/** What {@link JobWriter} needs. */
export interface JobWriterOptions {
  readonly input: LoadInput;
  readonly config: BigQueryConfig;
  readonly jobs: Jobs;
  /** Where files to be loaded are put. Default: they are uploaded with their job. */
  readonly bucket?: StagingBucket;
}

/** Load jobs. A claim's job has an id that follows from the claim's name, and BigQuery runs no two jobs of one id. */
export class JobWriter implements Writer {
  readonly kind = 'load-jobs';

  constructor(private readonly options: JobWriterOptions) {}

  async stateOf({ name, rows }: NamedClaim): Promise<ClaimState> {
    return (await this.options.jobs.stateOf(name, rows)).state;
  }

  prepare(): Promise<object> {
    return Promise.resolve({});
  }

  async write({ name: part }: NamedClaim, { path, rows }: Staged): Promise<void> {
    const { input, config, jobs, bucket } = this.options;
    // What has become of an earlier attempt's job: until that is known there must be no other.
    const state = await jobs.stateOf(part, rows);
    if (state.state === 'loaded') return;
    const { generation } = state;
    const configuration = configurationOf(input, config);
    const object = await bucket?.put(input.tenant, input.day, jobIdOf(part, generation), path);
    const source = object === undefined ? { path } : { uris: [object.uri] };
    await jobs.run({ part, generation, configuration, source, rows });
    // What cannot be deleted now, or is left by a failure, is deleted by a later load.
    await object?.remove().catch(() => undefined);
  }
}

function configurationOf(input: LoadInput, config: BigQueryConfig): LoadConfiguration {
  const { project: projectId, dataset: datasetId, labels, kmsKey } = config;
  const load = {
    destinationTable: { projectId, datasetId, tableId: tableOf(input.stream) },
    sourceFormat: 'NEWLINE_DELIMITED_JSON',
    writeDisposition: 'WRITE_APPEND',
    createDisposition: 'CREATE_NEVER',
    maxBadRecords: 0,
    ...(kmsKey && { destinationEncryptionConfiguration: { kmsKeyName: kmsKey } }),
  };
  return { labels, load };
}

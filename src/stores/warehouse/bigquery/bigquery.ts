import { stat } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../../../errors.js';
import { faultPoint } from '../../../fault-point.js';
import type { BigQueryConfig } from '../../../tenant-config/warehouse-config.js';
import { createTurns } from '../../../turns.js';
import { Downloads } from '../../batch-store/downloads.js';
import type { GcsPlace } from '../../batch-store/gcs.js';
import type { ClaimRange, LoadClaim, LoadClaims, NamedClaim } from '../../load-claims/load-claims.js';
import { tableOf } from '../columns.js';
import { createEngine } from '../engine.js';
import { assertLoadInput } from '../load-input.js';
import { assertFilesExist, distinct, firstDayToLookAt, loadError, whileOpen } from '../load-steps.js';
import type { CountedJob } from '../load-quotas.js';
import type { LoadBatch, LoadInput, LoadResult, Warehouse } from '../warehouse.js';
import { createApis, type ApiOf, type BigQueryApi } from './client.js';
import { failedGenerations, Jobs } from './jobs.js';
import { jobIdOf, partName, warehouseName } from './place.js';
import { stage, type Staged } from './stage.js';
import { createStagingBucket, type StagingBucket } from './staging-bucket.js';
import { ensureTable } from './tables.js';

/** Parts that are known to be loaded; of others it is asked again. */
const MAX_LOADED = 50_000;
const MAX_ENSURED = 10_000;
/** What gzipped events become as NDJSON, about; for holding back what would not fit the disk. */
const INFLATED = 10;

/** What {@link createBigQueryWarehouse} needs. */
export interface BigQueryWarehouseOptions {
  /** The tenant's warehouse as it is configured now. */
  readonly configOf: (tenant: string) => BigQueryConfig;
  readonly claims: LoadClaims;
  /** Directory for files that are about to be loaded; made when the first one is. */
  readonly staging: string;
  /** The bucket that batches are in: files are then loaded from there. Default: they are uploaded with their job. */
  readonly bucket?: GcsPlace;
  /** True where batches are encrypted: rows are not to lie in their bucket in the clear, so they are uploaded. Default false. */
  readonly encrypted?: boolean;
  /** URL of an emulator. Default: Google's. */
  readonly endpoint?: string;
  /** Told of each load job that is about to be submitted: it counts against quotas, however it ends. */
  readonly onSubmit?: (job: CountedJob) => void;
}

/** A load on its way, and whom it talks to. */
interface Loading {
  readonly input: LoadInput;
  readonly config: BigQueryConfig;
  readonly api: BigQueryApi;
  readonly jobs: Jobs;
}

/**
 * Tables in BigQuery, a dataset per tenant, filled by load jobs. Which batches they hold is in claims beside the batch files:
 * one is written before its job is submitted, its job's id follows from it, and BigQuery runs no two jobs of one id. So a
 * claim is held when its job has succeeded, and after a crash the job is asked for by its id.
 *
 * Loads of one tenant and table take turns within a process. Two processes that load the same batch under two load ids at
 * the same moment would both load it; a batch is announced to one load window at a time, and the views hold each id once in
 * any case. A load that is interrupted leaves its job to BigQuery: the retry finds it.
 */
export function createBigQueryWarehouse(options: BigQueryWarehouseOptions): Warehouse {
  const loads = new BigQueryLoads(options);
  return whileOpen(
    (input) => loads.load(input),
    () => loads.close(),
  );
}

class BigQueryLoads {
  private readonly engine = createEngine({});
  private readonly apiOf: ApiOf;
  private readonly bucket?: StagingBucket;
  private readonly staging: Downloads;
  private readonly inTurn = createTurns();
  private readonly failed = failedGenerations();
  private readonly loaded = new LRUCache<string, true>({ max: MAX_LOADED });
  private readonly ensured = new LRUCache<string, true>({ max: MAX_ENSURED });

  constructor(private readonly options: BigQueryWarehouseOptions) {
    this.apiOf = createApis(options.endpoint);
    this.bucket = options.bucket && createStagingBucket(options.bucket);
    this.staging = new Downloads(options.staging);
  }

  async load(input: LoadInput): Promise<LoadResult> {
    assertLoadInput(input);
    const batches = distinct(input.batches);
    if (batches.length === 0) return resultOf(input, [], []);
    try {
      return await this.inTurn(`${input.tenant}/${input.stream}`, () => this.loadInTurn(input, batches));
    } catch (error) {
      input.signal?.throwIfAborted();
      throw loadError(input, error);
    }
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  private async loadInTurn(input: LoadInput, batches: readonly LoadBatch[]): Promise<LoadResult> {
    input.signal?.throwIfAborted();
    const config = this.options.configOf(input.tenant);
    const api = this.apiOf(config);
    const onSubmit = (): void => {
      this.options.onSubmit?.({ project: config.project, tenant: input.tenant, stream: input.stream });
    };
    const jobs = new Jobs(api, config, this.failed, input.signal, onSubmit);
    const loading = { input, config, api, jobs };
    const { tenant, stream, day, loadId } = input;
    const from = firstDayToLookAt(day, batches);
    const claims = await this.claimsOn(config, { tenant, stream, from });
    const asked = new Set(batches.map(({ batchId }) => batchId));
    // Of others nothing needs to be asked, and there may be hundreds.
    const concerned = claims.filter(
      (claim) => claim.loadId === loadId || claim.batchIds.some((id) => asked.has(id)),
    );
    const holding = await this.loadedOf(jobs, concerned);
    const held = new Set(holding.flatMap(({ batchIds }) => batchIds));
    const missing = batches.filter(({ batchId }) => !held.has(batchId));
    if (missing.length > 0) {
      await this.ensure(loading, claims.length > 0);
      holding.push(await this.loadPart(loading, partFor(loading, concerned, holding, missing), missing));
      faultPoint('bigquery-done.after');
    }
    return resultOf(input, batches, holding);
  }

  /** The claims on a tenant's dataset. A reset load may have claimed the same on two days, under one name. */
  private async claimsOn(config: BigQueryConfig, range: ClaimRange): Promise<NamedClaim[]> {
    const claims = await this.options.claims.list(range);
    const own = claims.filter(({ warehouse }) => warehouse === warehouseName(config));
    return [...new Map(own.map((claim) => [claim.name, claim])).values()];
  }

  /** Those of the claims that are loaded, once that is certain. */
  private async loadedOf(jobs: Jobs, claims: readonly NamedClaim[]): Promise<NamedClaim[]> {
    const found: NamedClaim[] = [];
    for (const claim of claims) {
      const known = this.loaded.has(claim.name);
      if (!known && (await jobs.stateOf(claim.name, claim.rows)).state !== 'loaded') continue;
      this.loaded.set(claim.name, true);
      found.push(claim);
    }
    return found;
  }

  private async ensure({ input, config, api }: Loading, hadLoads: boolean): Promise<void> {
    const key = ensuredKey(input, config);
    if (this.ensured.has(key)) return;
    await this.bucket?.assertLocation(config);
    const { tenant, stream, signal, promoted = [] } = input;
    await ensureTable(api, { tenant, config, table: tableOf(stream), promoted, hadLoads, signal });
    this.ensured.set(key, true);
  }

  /** Loads batches as a part that is this load's, and gives the part's claim. */
  private async loadPart(loading: Loading, name: string, batches: readonly LoadBatch[]): Promise<NamedClaim> {
    const { input } = loading;
    await assertFilesExist(batches);
    const directory = await this.staging.open(await sizeOf(batches), input.signal);
    try {
      faultPoint('bigquery-stage.before');
      const staged = await stage(this.engine, input, batches, directory.path);
      faultPoint('bigquery-stage.after');
      const claim = await this.claim(loading, name, batches, staged);
      await this.runJob(loading, name, staged).catch((error: unknown) => {
        // A dataset or table may have been deleted, or made by somebody: they are looked at again.
        if (isRefused(error)) this.ensured.delete(ensuredKey(input, loading.config));
        throw error;
      });
      faultPoint('bigquery-done.before');
      this.loaded.set(name, true);
      return { name, ...claim };
    } finally {
      await directory.release();
    }
  }

  private async claim(
    { input, config }: Loading,
    name: string,
    batches: readonly LoadBatch[],
    { rows, leftOut, bytes, clashes }: Staged,
  ): Promise<LoadClaim> {
    const { tenant, stream, day, loadId } = input;
    const batchIds = batches.map(({ batchId }) => batchId);
    const counts = { rows, bytes, ...(leftOut > 0 && { leftOut }), clashes };
    const own = { loadId, warehouse: warehouseName(config), batchIds, ...counts };
    faultPoint('bigquery-claim.before');
    const claim = await this.options.claims.claim({ tenant, stream, day, name }, own);
    faultPoint('bigquery-claim.after');
    if (!hasBatches(claim, batches)) throw racedError(input);
    return claim;
  }

  private async runJob(loading: Loading, part: string, { path, rows }: Staged): Promise<void> {
    const { input, jobs } = loading;
    // What has become of an earlier attempt's job: until that is known there must be no other.
    const state = await jobs.stateOf(part, rows);
    if (state.state === 'loaded') return;
    const { generation } = state;
    const configuration = configurationOf(loading);
    const bucket = this.options.encrypted === true ? undefined : this.bucket;
    const object = await bucket?.put(input.tenant, input.day, jobIdOf(part, generation), path);
    const source = object === undefined ? { path } : { uris: [object.uri] };
    await jobs.run({ part, generation, configuration, source, rows });
    // What cannot be deleted now, or is left by a failure, is deleted by a later load.
    await object?.remove().catch(() => undefined);
  }
}

/**
 * The name under which batches are loaded: that of a part which was to hold exactly these and is not loaded yet, or that of
 * a new one. A load has several only when others have brought in some of its batches, or failed to, between its attempts.
 */
function partFor(
  { input, config }: Loading,
  claims: readonly NamedClaim[],
  loaded: readonly NamedClaim[],
  batches: readonly LoadBatch[],
): string {
  const byName = new Map(claims.map((claim) => [claim.name, claim]));
  for (let part = 1; ; part++) {
    const name = partName(input, config, part);
    const claim = byName.get(name);
    if (claim === undefined || (hasBatches(claim, batches) && !loaded.includes(claim))) return name;
  }
}

function hasBatches({ batchIds }: LoadClaim, batches: readonly LoadBatch[]): boolean {
  return batchIds.join() === batches.map(({ batchId }) => batchId).join();
}

function ensuredKey({ stream, promoted }: LoadInput, config: BigQueryConfig): string {
  return JSON.stringify([warehouseName(config), stream, config.partitionExpirationMs, promoted]);
}

function isRefused(error: unknown): boolean {
  return error instanceof HeadgateError && error.code === 'WAREHOUSE_REFUSED';
}

function configurationOf({ input, config }: Loading) {
  const { project: projectId, dataset: datasetId, labels, kmsKey } = config;
  const load = {
    destinationTable: { projectId, datasetId, tableId: tableOf(input.stream) },
    sourceFormat: 'NEWLINE_DELIMITED_JSON',
    ...{ writeDisposition: 'WRITE_APPEND', createDisposition: 'CREATE_NEVER', maxBadRecords: 0 },
    ...(kmsKey && { destinationEncryptionConfiguration: { kmsKeyName: kmsKey } }),
  };
  return { labels, load };
}

async function sizeOf(batches: readonly LoadBatch[]): Promise<number> {
  const sizes = await Promise.all(batches.map(async ({ path }) => (await stat(path)).size));
  return INFLATED * sizes.reduce((sum, size) => sum + size, 0);
}

function resultOf(
  input: LoadInput,
  batches: readonly LoadBatch[],
  holding: readonly LoadClaim[],
): LoadResult {
  const own = holding.filter(({ loadId }) => loadId === input.loadId);
  const inOwn = new Set(own.flatMap(({ batchIds }) => batchIds));
  const ids = batches.map(({ batchId }) => batchId);
  const leftOut = own.reduce((sum, claim) => sum + (claim.leftOut ?? 0), 0);
  return {
    loadId: input.loadId,
    rows: own.reduce((sum, { rows }) => sum + rows, 0),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    loaded: ids.filter((id) => inOwn.has(id)),
    alreadyHeld: ids.filter((id) => !inOwn.has(id)),
    ...(leftOut > 0 && { leftOut }),
    ...clashesOf(own),
  };
}

/** By column; nothing where there are none. */
function clashesOf(own: readonly LoadClaim[]): Pick<LoadResult, 'clashes'> {
  const sums: Record<string, number> = {};
  for (const { clashes = {} } of own)
    for (const [column, count] of Object.entries(clashes)) sums[column] = (sums[column] ?? 0) + count;
  return Object.keys(sums).length === 0 ? {} : { clashes: sums };
}

/** Two attempts at one load have found different batches held. */
function racedError({ loadId }: LoadInput): HeadgateError {
  const message = `Another attempt at load ${loadId} has begun to load other batches; this one looks again.`;
  return new HeadgateError('WAREHOUSE_UNAVAILABLE', message, { retryable: true });
}

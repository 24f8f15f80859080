import { stat } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { HeadgateError } from '../../../errors.js';
import { faultPoint } from '../../../platform/fault-point.js';
import type { BigQueryConfig, BigQueryWriter } from '../../../tenants/config/warehouse-config.js';
import { KeyedMutex } from '../../../platform/keyed-mutex.js';
import { Downloads } from '../../batch-store/downloads.js';
import type { GcsPlace } from '../../gcs/place.js';
import type { ClaimRange, LoadClaim, LoadClaims, NamedClaim } from '../../load-claims/load-claims.js';
import { tableOf } from '../../../events/columns.js';
import { createEngine } from '../engine.js';
import { assertLoadInput } from '../load-input.js';
import { assertReadable, distinct, firstDayToLookAt, loadError, whileOpen, resultOf } from '../load-steps.js';
import type { CountedJob } from '../load-quotas.js';
import type { LoadBatch, LoadInput, LoadResult, Warehouse } from '../warehouse.js';
import { createApis, type ApiOf, type BigQueryApi } from './client.js';
import { JobWriter } from './job-writer.js';
import { failedGenerations, Jobs } from './jobs.js';
import { partName, warehouseName } from './place.js';
import { stage, type Staged } from './stage.js';
import { createStagingBucket, type StagingBucket } from './staging-bucket.js';
import { StreamWriter } from './stream-writer.js';
import { ensureTable } from './tables.js';
import { createWriteClients, type WriteClients } from './write-client.js';
import { writerOf, type ClaimState, type Writer } from './writer.js';

/** Claims that are known to be loaded, or void for ever; of others it is asked again. */
const MAX_SETTLED = 50_000;
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
  /** `host:port` of an emulator of the Storage Write API. Default: Google's. */
  readonly storageEndpoint?: string;
  /** Called with each load job that is about to be submitted: it counts against quotas, however it ends. */
  readonly onSubmit?: (job: CountedJob) => void;
}

/** A load on its way, and whom it talks to. */
interface Loading {
  readonly input: LoadInput;
  readonly config: BigQueryConfig;
  readonly api: BigQueryApi;
  readonly writers: Readonly<Record<BigQueryWriter, Writer>>;
}

/** Claims by what has become of them. */
type ClaimsByState = Readonly<Record<ClaimState, NamedClaim[]>>;

/**
 * Tables in BigQuery, a dataset per tenant, filled by load jobs or by the Storage Write API. Which batches they hold is in
 * claims beside the batch files: one is written before its job is submitted, or the first row is appended. A claim's job has
 * an id that follows from it, and BigQuery runs no two jobs of one id; its stream is named in it. So a claim is held when its
 * job has succeeded, or its stream is committed, and after a crash those are asked.
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
  private readonly turns = new KeyedMutex();
  private readonly failed = failedGenerations();
  private readonly writeClients: WriteClients;
  private readonly settled = new LRUCache<string, ClaimState>({ max: MAX_SETTLED });
  private readonly ensured = new LRUCache<string, true>({ max: MAX_ENSURED });

  constructor(private readonly options: BigQueryWarehouseOptions) {
    this.apiOf = createApis(options.endpoint);
    this.writeClients = createWriteClients(options);
    this.bucket = options.bucket && createStagingBucket(options.bucket);
    this.staging = new Downloads(options.staging);
  }

  async load(input: LoadInput): Promise<LoadResult> {
    assertLoadInput(input);
    const batches = distinct(input.batches);
    if (batches.length === 0) return resultOfClaims(input, [], []);
    try {
      return await this.turns.run(`${input.tenant}/${input.stream}`, () => this.loadInTurn(input, batches));
    } catch (error) {
      input.signal?.throwIfAborted();
      throw loadError(input, error);
    }
  }

  async close(): Promise<void> {
    await this.engine.close();
    await this.writeClients.close();
  }

  private async loadInTurn(input: LoadInput, batches: readonly LoadBatch[]): Promise<LoadResult> {
    input.signal?.throwIfAborted();
    const config = this.options.configOf(input.tenant);
    const api = this.apiOf(config);
    const onSubmit = (): void => {
      this.options.onSubmit?.({ project: config.project, tenant: input.tenant, stream: input.stream });
    };
    const jobs = new Jobs(api, config, this.failed, input.signal, onSubmit);
    const writers = {
      'load-jobs': new JobWriter({
        input,
        config,
        jobs,
        bucket: this.options.encrypted === true ? undefined : this.bucket,
      }),
      'storage-write': new StreamWriter({ input, config, api, clients: this.writeClients }),
    };
    const loading = { input, config, api, writers };
    const { tenant, stream, day, loadId } = input;
    const from = firstDayToLookAt(day, batches);
    const claims = await this.claimsOn(config, { tenant, stream, from });
    const asked = new Set(batches.map(({ batchId }) => batchId));
    // Of others nothing needs to be asked, and there may be hundreds.
    const concerned = claims.filter(
      (claim) => claim.loadId === loadId || claim.batchIds.some((id) => asked.has(id)),
    );
    const sorted = await this.byState(loading, concerned);
    const holding = sorted.loaded;
    const held = new Set(holding.flatMap(({ batchIds }) => batchIds));
    const missing = batches.filter(({ batchId }) => !held.has(batchId));
    if (missing.length > 0) {
      await this.ensure(loading, claims.length > 0);
      const open = sorted.open.find((claim) => claim.loadId === loadId && hasBatches(claim, missing));
      holding.push(await this.loadPart(loading, open ?? newPart(loading, concerned), missing));
      faultPoint('bigquery-done.after');
    }
    return resultOfClaims(input, batches, holding);
  }

  /** The claims on a tenant's dataset. A reset load may have claimed the same on two days, under one name. */
  private async claimsOn(config: BigQueryConfig, range: ClaimRange): Promise<NamedClaim[]> {
    const claims = await this.options.claims.list(range);
    const own = claims.filter(({ warehouse }) => warehouse === warehouseName(config));
    return [...new Map(own.map((claim) => [keyOf(claim), claim])).values()];
  }

  /** What has become of claims, once that is certain. */
  private async byState({ writers }: Loading, claims: readonly NamedClaim[]): Promise<ClaimsByState> {
    const sorted: ClaimsByState = { loaded: [], open: [], void: [] };
    for (const claim of claims) {
      const state = this.settled.get(keyOf(claim)) ?? (await writers[writerOf(claim)].stateOf(claim));
      if (state !== 'open') this.settled.set(keyOf(claim), state);
      sorted[state].push(claim);
    }
    return sorted;
  }

  private async ensure({ input, config, api }: Loading, hadLoads: boolean): Promise<void> {
    const key = ensuredKey(input, config);
    if (this.ensured.has(key)) return;
    if (config.writer === 'load-jobs') await this.bucket?.assertLocation(config);
    const { tenant, stream, signal, promoted = [] } = input;
    await ensureTable(api, { tenant, config, table: tableOf(stream), promoted, hadLoads, signal });
    this.ensured.set(key, true);
  }

  /**
   * Loads batches as a part that is this load's, and gives the part's claim.
   * @param part the claim of one that was to hold exactly these and is open still, or the name of a new one
   */
  private async loadPart(
    loading: Loading,
    part: NamedClaim | string,
    batches: readonly LoadBatch[],
  ): Promise<NamedClaim> {
    const { input, config, writers } = loading;
    const writer = writers[typeof part === 'string' ? config.writer : writerOf(part)];
    await assertReadable(batches);
    const directory = await this.staging.open(await sizeOf(batches), input.signal);
    try {
      faultPoint('bigquery-stage.before');
      const staged = await stage(this.engine, input, batches, directory.path, writer.kind);
      faultPoint('bigquery-stage.after');
      const claim = await this.bringIn(loading, part, batches, staged).catch((error: unknown) => {
        // A dataset or table may have been deleted, or made by somebody: they are looked at again.
        if (isRefused(error)) this.ensured.delete(ensuredKey(input, loading.config));
        throw error;
      });
      faultPoint('bigquery-done.before');
      this.settled.set(keyOf(claim), 'loaded');
      return claim;
    } finally {
      await directory.release();
    }
  }

  private async bringIn(
    loading: Loading,
    part: NamedClaim | string,
    batches: readonly LoadBatch[],
    staged: Staged,
  ): Promise<NamedClaim> {
    const claim = typeof part === 'string' ? await this.claim(loading, part, batches, staged) : part;
    await loading.writers[writerOf(claim)].write(claim, staged);
    return claim;
  }

  private async claim(
    { input, config, writers }: Loading,
    name: string,
    batches: readonly LoadBatch[],
    { rows, leftOut, bytes, clashes }: Staged,
  ): Promise<NamedClaim> {
    const { tenant, stream, day, loadId } = input;
    const batchIds = batches.map(({ batchId }) => batchId);
    const { stream: writeStream } = await writers[config.writer].prepare(rows);
    const counts = { rows, bytes, ...(leftOut > 0 && { leftOut }), ...(clashes && { clashes }) };
    const held = { loadId, warehouse: warehouseName(config), batchIds, ...counts };
    const own = { ...held, ...(writeStream && { stream: writeStream }) };
    faultPoint('bigquery-claim.before');
    const claim = await this.options.claims.claim({ tenant, stream, day, name }, own);
    faultPoint('bigquery-claim.after');
    if (!hasBatches(claim, batches) || claim.stream?.name !== writeStream?.name) throw racedError(input);
    return { name, ...claim };
  }
}

/**
 * The name of a new part. A load has several only when others have brought in some of its batches, or failed to, between its
 * attempts, or when an attempt has left a stream that cannot be gone on with.
 */
function newPart({ input, config }: Loading, claims: readonly NamedClaim[]): string {
  const taken = new Set(claims.map(({ name }) => name));
  for (let part = 1; ; part++) {
    const name = partName(input, config, part, config.writer);
    if (!taken.has(name)) return name;
  }
}

function hasBatches({ batchIds }: LoadClaim, batches: readonly LoadBatch[]): boolean {
  return batchIds.join() === batches.map(({ batchId }) => batchId).join();
}

function keyOf({ name, stream }: NamedClaim): string {
  return JSON.stringify([name, stream?.name]);
}

function ensuredKey({ stream, promoted }: LoadInput, config: BigQueryConfig): string {
  return JSON.stringify([
    warehouseName(config),
    stream,
    promoted,
    config.writer,
    config.partitionExpirationMs,
    config.labels,
    config.kmsKey,
  ]);
}

function isRefused(error: unknown): boolean {
  return error instanceof HeadgateError && error.code === 'WAREHOUSE_REFUSED';
}

async function sizeOf(batches: readonly LoadBatch[]): Promise<number> {
  const sizes = await Promise.all(batches.map(async ({ path }) => (await stat(path)).size));
  return INFLATED * sizes.reduce((sum, size) => sum + size, 0);
}

/** Two attempts at one load have found different batches held, or each has made a stream. */
function racedError({ loadId }: LoadInput): HeadgateError {
  const message = `Another attempt at load ${loadId} has begun in the meantime; this one looks again.`;
  return new HeadgateError('WAREHOUSE_UNAVAILABLE', message, { retryable: true });
}

/** What a load has put into its table, by the claims that hold its batches. */
function resultOfClaims(
  input: LoadInput,
  batches: readonly LoadBatch[],
  holding: readonly LoadClaim[],
): LoadResult {
  return {
    ...resultOf(input, batches, holding, ({ leftOut = 0 }) => leftOut),
    ...clashesOf(holding.filter(({ loadId }) => loadId === input.loadId)),
  };
}

/** By column; nothing where there are none. */
function clashesOf(own: readonly LoadClaim[]): Pick<LoadResult, 'clashes'> {
  const sums: Record<string, number> = {};
  for (const { clashes = {} } of own)
    for (const [column, count] of Object.entries(clashes)) sums[column] = (sums[column] ?? 0) + count;
  return Object.keys(sums).length === 0 ? {} : { clashes: sums };
}

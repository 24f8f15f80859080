import { createHash } from 'node:crypto';
import type { BigQueryConfig, BigQueryWriter } from '../../../tenants/config/warehouse-config.js';
import { assertTenantId } from '../../../tenants/ids.js';
import { STREAM_ENDING } from '../../load-claims/load-claims.js';
import { tableOf } from '../../../events/columns.js';
import type { LoadInput } from '../warehouse.js';

const MAX_READABLE = 120;
const NOT_ALLOWED = /[^A-Za-z0-9_-]/g;

/** A dataset and where it lies: what a tenant's claims are about. */
export function warehouseName({ project, dataset, location }: BigQueryConfig): string {
  return `${project}.${dataset}@${location}`;
}

/**
 * Names a part of a load, as a claim and, with a generation, as a job: the same names always mean the same rows in the same
 * dataset. A load has a second part only when what is held has changed under it. Letters, digits, `_` and `-`, since job ids
 * take nothing else; what is readable in it is cut and may be ambiguous, the hash is not. Parts that go by the Storage Write
 * API end in `_stream`, so that they are not taken for jobs.
 * @see https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid
 */
export function partName(
  input: LoadInput,
  config: BigQueryConfig,
  part: number,
  writer: BigQueryWriter = 'load-jobs',
): string {
  const table = tableOf(input.stream);
  const tenant = assertTenantId(input.tenant);
  const exactly = JSON.stringify([tenant, table, input.loadId, part, warehouseName(config)]);
  const hash = createHash('sha256').update(exactly).digest('hex').slice(0, 16);
  const readable = input.loadId.replaceAll(NOT_ALLOWED, '-').slice(0, MAX_READABLE);
  const ending = writer === 'storage-write' ? STREAM_ENDING : '';
  return `headgate_${tenant}_${table}_${readable}_${hash}${ending}`;
}

/** The id of a part's job: a new generation follows the confirmed failure of the one before. */
export function jobIdOf(partName: string, generation: number): string {
  return `${partName}_${generation}`;
}

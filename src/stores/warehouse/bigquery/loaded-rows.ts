import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import type { LoadClaim } from '../../load-claims/load-claims.js';
import type { Table } from '../../../events/columns.js';
import { isNotFound, type BigQueryApi } from './client.js';
import { bigQueryError, unavailable } from './errors.js';

const TIMEOUT_MS = 20_000;

interface QueryAnswer {
  readonly jobComplete?: boolean;
  readonly rows?: readonly { readonly f: readonly { readonly v: string }[] }[];
}

/** A table in a tenant's dataset, and whom to ask about it. */
export interface AskedTable {
  readonly api: BigQueryApi;
  readonly config: BigQueryConfig;
  readonly table: Table;
  readonly signal?: AbortSignal;
}

/**
 * True when a table has rows of what is claimed, which come in together or not at all. It costs a query of one partition, so
 * it is asked where nothing else says it.
 * @throws HeadgateError what `bigQueryError` gives
 */
export async function hasRowsOf(
  { api, config, table, signal }: AskedTable,
  { loadId, batchIds, stream }: LoadClaim,
): Promise<boolean> {
  const { project, dataset, location, labels } = config;
  const text = (name: string, value: string) => ({
    name,
    parameterType: { type: 'STRING' },
    parameterValue: { value },
  });
  const body = {
    query: `SELECT COUNT(*) FROM \`${project}.${dataset}.${table}\` WHERE _loaded_at = TIMESTAMP(@loadedAt) AND _load_id = @loadId AND _batch_id IN UNNEST(SPLIT(@batchIds))`,
    queryParameters: [
      text('loadedAt', stream?.loadedAt ?? ''),
      text('loadId', loadId),
      text('batchIds', batchIds.join(',')),
    ],
    parameterMode: 'NAMED',
    useLegacySql: false,
    useQueryCache: false,
    timeoutMs: TIMEOUT_MS,
    location,
    labels,
  };
  try {
    const answer = await api.request<QueryAnswer>({ method: 'POST', path: 'queries', body, signal });
    const count = answer.rows?.[0]?.f[0]?.v;
    if (answer.jobComplete === false || count === undefined)
      throw unavailable(`BigQuery has not said in ${TIMEOUT_MS / 1000} s whether ${loadId} is loaded.`);
    return Number(count) > 0;
  } catch (error) {
    signal?.throwIfAborted();
    if (isNotFound(error)) return false;
    throw bigQueryError(error, config);
  }
}

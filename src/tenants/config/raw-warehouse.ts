import { completePromotion, type PromotionConfig, type RawPromotion } from './promotion.js';
import ms from 'ms';
import type { TenantConfig } from './tenant-config.js';
import { parseDuration } from '../../platform/units.js';
import type { BigQueryConfig, BigQueryWriter, WarehouseConfig } from './warehouse-config.js';

/** A warehouse as written. */
export type RawWarehouse =
  | {
      readonly kind?: 'parquet';
      readonly window?: string;
      readonly retention?: string;
      readonly promote?: readonly RawPromotion[];
    }
  | (Pick<BigQueryConfig, 'kind' | 'project' | 'location' | 'kmsKey' | 'impersonate' | 'endpoint'> & {
      readonly writer?: BigQueryWriter;
      readonly window?: string;
      readonly dataset?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly partitionExpiration?: string;
      readonly promote?: readonly RawPromotion[];
    });

const DEFAULT_WINDOW: Readonly<Record<BigQueryWriter, string>> = {
  'load-jobs': '5m',
  'storage-write': '10s',
};

/** Fills in the defaults of a tenant's warehouse. */
export function completeWarehouse(tenant: string, raw: RawWarehouse = {}): WarehouseConfig {
  if (raw.kind !== 'bigquery')
    return {
      kind: 'parquet',
      windowMs: parseDuration(raw.window ?? '5s')!,
      ...(raw.retention && { retentionMs: parseDuration(raw.retention)! }),
      ...promoted(raw.promote),
    };
  const { writer = 'load-jobs', window = DEFAULT_WINDOW[writer], ...others } = raw;
  const { partitionExpiration, promote, ...rest } = others;
  return {
    ...rest,
    ...promoted(promote),
    writer,
    windowMs: parseDuration(window)!,
    dataset: raw.dataset ?? `headgate_${tenant.replaceAll('-', '_')}`,
    labels: raw.labels ?? {},
    ...(partitionExpiration && { partitionExpirationMs: expirationOf(partitionExpiration) }),
  };
}

function expirationOf(written: string): number | 'never' {
  return written === 'never' ? written : parseDuration(written)!;
}

function promoted(raw: readonly RawPromotion[] = []): { promote?: readonly PromotionConfig[] } {
  return raw.length === 0 ? {} : { promote: raw.map(completePromotion) };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Around midnight a load has the day before that of its batches; one more for clocks that differ. */
const DAYS_MORE = 2;

/**
 * What is wrong with how long a warehouse is kept, if anything is. Its files say which batches are loaded, so they must
 * outlive the batches, which can be announced again.
 */
export function warehouseIssues({ warehouse, retentionMs }: Pick<TenantConfig, 'warehouse' | 'retentionMs'>) {
  if (warehouse.kind !== 'parquet' || warehouse.retentionMs === undefined) return [];
  const leastMs = retentionMs + DAYS_MORE * DAY_MS;
  if (warehouse.retentionMs >= leastMs) return [];
  const [kept, least] = [retentionMs, leastMs].map((each) => ms(each, { long: true }));
  const message = `must be at least ${least}: batches are kept for ${kept} (retention), and two days more`;
  return [{ path: ['warehouse', 'retention'], message }];
}

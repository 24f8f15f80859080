import { completePromotion, type PromotionConfig, type RawPromotion } from './promotion.js';
import { parseDuration } from './units.js';
import type { BigQueryConfig, BigQueryWriter, WarehouseConfig } from './warehouse-config.js';

/** A warehouse as written. */
export type RawWarehouse =
  | {
      readonly kind?: 'parquet';
      readonly window?: string;
      readonly promote?: readonly RawPromotion[];
    }
  | (Pick<BigQueryConfig, 'kind' | 'project' | 'location' | 'kmsKey' | 'impersonate'> & {
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
    return { kind: 'parquet', windowMs: parseDuration(raw.window ?? '5s')!, ...promoted(raw.promote) };
  const { writer = 'load-jobs', window = DEFAULT_WINDOW[writer], ...others } = raw;
  const { partitionExpiration, promote, ...rest } = others;
  return {
    ...rest,
    ...promoted(promote),
    writer,
    windowMs: parseDuration(window)!,
    dataset: raw.dataset ?? `headgate_${tenant.replaceAll('-', '_')}`,
    labels: raw.labels ?? {},
    ...(partitionExpiration && { partitionExpirationMs: parseDuration(partitionExpiration)! }),
  };
}

function promoted(raw: readonly RawPromotion[] = []): { promote?: readonly PromotionConfig[] } {
  return raw.length === 0 ? {} : { promote: raw.map(completePromotion) };
}

import { completePromotion, type PromotionConfig, type RawPromotion } from './promotion.js';
import { parseDuration } from './units.js';
import type { BigQueryConfig, WarehouseConfig } from './warehouse-config.js';

/** A warehouse as written. */
export type RawWarehouse =
  | {
      readonly kind?: 'parquet';
      readonly window?: string;
      readonly promote?: readonly RawPromotion[];
    }
  | (Pick<BigQueryConfig, 'kind' | 'project' | 'location' | 'kmsKey' | 'impersonate'> & {
      readonly window?: string;
      readonly dataset?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly partitionExpiration?: string;
      readonly promote?: readonly RawPromotion[];
    });

/** Fills in the defaults of a tenant's warehouse. */
export function completeWarehouse(tenant: string, raw: RawWarehouse = {}): WarehouseConfig {
  if (raw.kind !== 'bigquery')
    return { kind: 'parquet', windowMs: parseDuration(raw.window ?? '5s')!, ...promoted(raw.promote) };
  const { window, partitionExpiration, promote, ...rest } = raw;
  return {
    ...rest,
    ...promoted(promote),
    windowMs: parseDuration(window ?? '5m')!,
    dataset: raw.dataset ?? `headgate_${tenant.replaceAll('-', '_')}`,
    labels: raw.labels ?? {},
    ...(partitionExpiration && { partitionExpirationMs: parseDuration(partitionExpiration)! }),
  };
}

function promoted(raw: readonly RawPromotion[] = []): { promote?: readonly PromotionConfig[] } {
  return raw.length === 0 ? {} : { promote: raw.map(completePromotion) };
}

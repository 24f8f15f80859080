import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { expirationOf, partitioning } from './schema.js';

/** A key as resources have it; the version that is in use may be named with it. */
interface Encryption {
  readonly kmsKeyName?: string;
}

/** What a dataset, table or view that is there says of what can be configured. */
export interface Settings {
  readonly labels?: Readonly<Record<string, string>>;
  /** Of a table. */
  readonly encryptionConfiguration?: Encryption;
  /** Of a dataset: the key of tables that are made in it. */
  readonly defaultEncryptionConfiguration?: Encryption;
  /** Of a table. */
  readonly timePartitioning?: { readonly expirationMs?: string | null };
}

/**
 * What has to be changed of a dataset that is there, to be patched. What the configuration does not say is its
 * administrator's, here as in a table: it is left as it is.
 */
export function datasetChanges(config: BigQueryConfig, there: Settings): object {
  return {
    ...labelChanges(config, there),
    ...(hasOtherKey(config, there.defaultEncryptionConfiguration) && {
      defaultEncryptionConfiguration: { kmsKeyName: config.kmsKey },
    }),
  };
}

/** What has to be changed of a table. A shorter expiration deletes days at once, which is what it is for. */
export function tableChanges(config: BigQueryConfig, there: Settings): object {
  const expiration = expirationOf(config);
  const isOther = expiration !== undefined && expiration !== (there.timePartitioning?.expirationMs ?? null);
  return {
    ...labelChanges(config, there),
    ...(hasOtherKey(config, there.encryptionConfiguration) && {
      encryptionConfiguration: { kmsKeyName: config.kmsKey },
    }),
    ...(isOther && { timePartitioning: partitioning(config) }),
  };
}

/** Labels to set, with those that are there: somebody else may have them for accounting. */
export function labelChanges({ labels }: BigQueryConfig, there: Settings): object {
  const isSet = Object.entries(labels).every(([key, value]) => there.labels?.[key] === value);
  return isSet ? {} : { labels: { ...there.labels, ...labels } };
}

function hasOtherKey({ kmsKey }: BigQueryConfig, there: Encryption = {}): boolean {
  return kmsKey !== undefined && kmsKey !== there.kmsKeyName?.replace(/\/cryptoKeyVersions\/\d+$/, '');
}

import type { Config } from '../config.js';
import type { Spool } from '../ingest/spool.js';
import type { RecentRefusals } from '../status/recent-refusals.js';
import { Status } from '../status/status.js';
import type { SubscriptionLags } from '../subscriptions/lags.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import type { IngestParts } from './ingest-parts.js';

/** What {@link openStatus} looks at. */
interface StatusParts {
  readonly tenants: () => readonly TenantConfig[];
  readonly lags: Pick<SubscriptionLags, 'reading'>;
  readonly spool: Pick<Spool, 'bytes'>;
  readonly refusals: Pick<RecentRefusals, 'list'>;
  readonly parts: Pick<IngestParts, 'admission' | 'batcher' | 'disks' | 'engine'>;
}

/** What says how all that runs stands, over the parts of the API role. */
export function openStatus(
  { maxSpoolBytes, minFreeDiskBytes }: Config,
  { tenants, lags, spool, refusals, parts }: StatusParts,
): Status {
  const { admission, batcher } = parts;
  return new Status({
    tenants,
    lags,
    refusals: () => refusals.list(),
    engine: () => parts.engine(),
    assertOpen: () => admission.assertOpen(),
    node: () => ({
      spool: {
        bytes: spool.bytes,
        limitBytes: maxSpoolBytes,
        oldestSeconds: batcher.oldestAt === undefined ? 0 : Math.max(0, Date.now() - batcher.oldestAt) / 1000,
      },
      disks: parts.disks().map(([name, freeBytes]) => ({ name, freeBytes })),
      diskReserveBytes: minFreeDiskBytes,
    }),
    backlogOf: (tenant) => {
      const oldestAt = batcher.oldestOf(tenant);
      return { bytes: batcher.backlog(tenant).bytes, ...(oldestAt !== undefined && { oldestAt }) };
    },
  });
}

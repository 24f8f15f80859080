import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { expireDays } from '../stores/warehouse/parquet/expire.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { sweepTenant, type SweepOptions } from './sweep.js';

/** What {@link Retention} needs. */
export interface RetentionOptions extends Omit<SweepOptions, 'now'> {
  readonly registry: TenantRegistry;
  /** The directory above all tenants' warehouse directories. */
  readonly warehouse: string;
  readonly log: Logger;
  /** Milliseconds between sweeps. Default an hour: days expire at any of them, as tenants' retentions differ. */
  readonly everyMs?: number;
  /** Milliseconds until the first. Default a minute, so that a start has its turn. */
  readonly firstAfterMs?: number;
  readonly now?: () => number;
}

const EVERY_MS = 60 * 60 * 1000;
const FIRST_AFTER_MS = 60 * 1000;

/**
 * Sweeps what retention is over for, tenant by tenant, every now and then. In each process with workers: they share the
 * data directory, and to delete what is gone is no error. Files of tenants that are not configured (any more) stay.
 */
export class Retention {
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: RetentionOptions) {}

  start(): void {
    this.schedule(this.options.firstAfterMs ?? FIRST_AFTER_MS);
  }

  /** Sweeps once, now. */
  async sweep(): Promise<void> {
    for (const { config } of this.options.registry.list()) {
      if (this.stopped) return;
      await this.sweepOne(config);
      await this.expireWarehouse(config);
    }
  }

  /** Waits for the tenant that is being swept. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.sweeping;
  }

  private schedule(afterMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep().finally(() => this.schedule(this.options.everyMs ?? EVERY_MS));
    }, afterMs).unref();
  }

  private async sweepOne(config: TenantConfig): Promise<void> {
    const { log, now = Date.now } = this.options;
    const { tenant } = config;
    try {
      const swept = await sweepTenant(config, { ...this.options, now: now() });
      if (swept.files + swept.deliveryLogs + swept.quarantined > 0)
        log.info('BATCHES_EXPIRED', {
          tenant,
          files: swept.files,
          deliveryLogs: swept.deliveryLogs,
          quarantined: swept.quarantined,
        });
      if (swept.left > 0) log.warn('EXPIRED_BATCHES_KEPT', { tenant, left: swept.left });
    } catch (error) {
      log.warn('BATCHES_NOT_EXPIRED', { tenant, reason: messageOf(error) });
    }
  }

  private async expireWarehouse({ tenant, warehouse }: TenantConfig): Promise<void> {
    if (warehouse.kind !== 'parquet' || warehouse.retentionMs === undefined) return;
    const { log, now = Date.now } = this.options;
    try {
      const { retentionMs } = warehouse;
      const expired = await expireDays({ root: this.options.warehouse, tenant, retentionMs, now: now() });
      if (expired.marked + expired.deleted > 0)
        log.info('WAREHOUSE_DAYS_EXPIRED', {
          tenant,
          days: expired.marked,
          daysDeleted: expired.deleted,
          files: expired.files,
        });
    } catch (error) {
      const reason = messageOf(error);
      log.warn('WAREHOUSE_DAYS_NOT_EXPIRED', { tenant, reason });
    }
  }
}

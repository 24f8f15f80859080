import { messageOf } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../observability/metrics.js';
import { needsCompaction } from '../stores/warehouse/parquet/compaction-plan.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import { compactInProcess, type CompactionReport } from './compact-process.js';
import { MINUTE_MS } from '../platform/time.js';

/** What {@link Compactions} needs. */
export interface CompactionsOptions {
  /** The directory above all tenants' warehouse directories. */
  readonly root: string;
  readonly registry: TenantRegistry;
  readonly log: Logger;
  readonly metrics?: Pick<Metrics, 'compacted'>;
  /** Milliseconds between passes. Default half an hour. */
  readonly everyMs?: number;
  /** Milliseconds until the first. Default five minutes: a start has enough to do. */
  readonly firstAfterMs?: number;
  /**
   * How old a file must be, in milliseconds. Default half an hour: with a load every five seconds a day then has some
   * hundreds of small files at most.
   */
  readonly olderThanMs?: number;
  /** How long replaced files are kept for queries, in milliseconds. Default an hour. */
  readonly graceMs?: number;
  readonly now?: () => number;
}

const EVERY_MS = 30 * MINUTE_MS;
const FIRST_AFTER_MS = 5 * MINUTE_MS;
const OLDER_THAN_MS = 30 * MINUTE_MS;
const GRACE_MS = 60 * MINUTE_MS;

/**
 * Compacts the warehouses of all tenants every now and then. In each process with workers: they share the data
 * directory, and a tenant that another one has in hand is passed over. Tenants with nothing to do cost a look at the
 * names of their files; the others are compacted one after the other, by one process of low priority.
 */
export class Compactions {
  private timer: NodeJS.Timeout | undefined;
  private passing: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();

  constructor(private readonly options: CompactionsOptions) {}

  start(): void {
    this.schedule(this.options.firstAfterMs ?? FIRST_AFTER_MS);
  }

  /** Compacts once, now. */
  async pass(): Promise<void> {
    const { root, registry, log, now = Date.now } = this.options;
    const olderThanMs = this.options.olderThanMs ?? OLDER_THAN_MS;
    const graceMs = this.options.graceMs ?? GRACE_MS;
    const { signal } = this.stopping;
    try {
      const tenants: string[] = [];
      for (const { config } of registry.list())
        if (!signal.aborted && (await needsCompaction(root, config.tenant, { olderThanMs, now: now() })))
          tenants.push(config.tenant);
      if (tenants.length === 0) return;
      const order = { root, tenants, olderThanMs, graceMs };
      await compactInProcess(order, (report) => this.tell(report), signal);
    } catch (error) {
      if (!signal.aborted) log.warn('COMPACTION_PASS_FAILED', { reason: messageOf(error) });
    }
  }

  /** Ends a compaction under way, which the next pass does again. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.passing;
  }

  private schedule(afterMs: number): void {
    if (this.stopping.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.passing = this.pass().finally(() => this.schedule(this.options.everyMs ?? EVERY_MS));
    }, afterMs).unref();
  }

  private tell(report: CompactionReport): void {
    const { log, metrics } = this.options;
    const { tenant } = report;
    if ('result' in report) {
      const { written, removed } = report.result;
      if (written + removed === 0) return;
      metrics?.compacted(tenant, report.result);
      log.info('WAREHOUSE_COMPACTED', { tenant, ...report.result });
    } else if (report.failed.code !== 'COMPACTION_RUNNING') {
      metrics?.compacted(tenant);
      log.warn('COMPACTION_FAILED', { tenant, code: report.failed.code, reason: report.failed.reason });
    }
  }
}

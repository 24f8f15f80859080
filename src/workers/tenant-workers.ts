import type { Worker } from '@temporalio/worker';
import { messageOf } from '../errors.js';
import { atOnce } from '../platform/at-once.js';
import { KeyedMutex } from '../platform/keyed-mutex.js';
import type { Logger } from '../platform/logger.js';
import type { LoadedTenant, TenantRegistry } from '../tenants/config/registry.js';
import { tenantQueue, type Isolation } from '../tenants/queues.js';

/**
 * Workers that are started at once. Each makes hundreds of instruments in the buffer of what Temporal's SDK measures, which
 * is emptied between them: a thousand at once fill it.
 */
export const STARTS_AT_ONCE = 16;

/** A Worker that runs, and the end of its run. */
export interface RunningWorker {
  readonly worker: Worker;
  readonly ended: Promise<void>;
}

/** What {@link TenantWorkers} needs. */
export interface TenantWorkersOptions {
  /** Brings the rate of a tenant's queue in line with its configuration. */
  readonly alignRate: (tenant: string) => Promise<void>;
  readonly registry: TenantRegistry;
  /** Makes and runs a Worker on a tenant's queue: with workflows if it is dedicated, for activities alone if pooled. */
  readonly run: (queue: string, isolation: Isolation) => Promise<RunningWorker>;
  readonly log: Logger;
}

interface TenantWorker extends RunningWorker {
  readonly isolation: Isolation;
}

/**
 * One Worker per tenant, following the registry: tenants are added, changed and dropped while the process runs. The
 * changes of one tenant are made one after the other.
 */
export class TenantWorkers {
  private readonly workers = new Map<string, TenantWorker>();
  private readonly turns = new KeyedMutex();
  private stopped = false;

  constructor(private readonly options: TenantWorkersOptions) {}

  /** Starts the Workers of all tenants, and follows the registry from then on. */
  async start(): Promise<void> {
    const { registry } = this.options;
    registry.onChange(({ tenant }) => void this.follow(tenant));
    await atOnce(STARTS_AT_ONCE, registry.list(), ({ config }) => this.follow(config.tenant));
  }

  /** True when this process runs the tenant's workflows on a Worker of its own. */
  runsWorkflowsOf(tenant: string): boolean {
    return this.workers.get(tenant)?.isolation === 'dedicated';
  }

  /** Lets every Worker finish what it does, within its grace time. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.turns.idle();
    await Promise.all([...this.workers.keys()].map((tenant) => this.drop(tenant)));
  }

  /** Brings the tenant's Worker and rate in line with its configuration, after what is being done for it already. */
  private follow(tenant: string): Promise<void> {
    return this.turns
      .run(tenant, () => this.align(tenant))
      .catch((error: unknown) => {
        this.options.log.error('TENANT_WORKERS_NOT_ALIGNED', { tenant, reason: messageOf(error) });
      });
  }

  private async align(tenant: string): Promise<void> {
    const wanted: LoadedTenant | undefined = this.stopped ? undefined : this.options.registry.get(tenant);
    const isolation = wanted?.config.isolation;
    if (this.workers.get(tenant)?.isolation !== isolation) await this.drop(tenant);
    if (wanted === undefined || isolation === undefined) return;
    const { alignRate, run } = this.options;
    await alignRate(tenant);
    if (!this.workers.has(tenant))
      this.workers.set(tenant, { isolation, ...(await run(tenantQueue(tenant), isolation)) });
  }

  private async drop(tenant: string): Promise<void> {
    const running = this.workers.get(tenant);
    if (running === undefined) return;
    this.workers.delete(tenant);
    running.worker.shutdown();
    await running.ended;
  }
}

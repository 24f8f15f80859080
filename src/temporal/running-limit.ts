import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { HeadgateError } from '../errors.js';
import { KeyedMutex } from '../platform/keyed-mutex.js';
import { assertTenantId } from '../tenants/ids.js';

/** What {@link RunningLimit} needs. */
export interface RunningLimitOptions {
  readonly client: Client;
  readonly workflowType: string;
  /** What such a workflow is called in messages: `replays`. */
  readonly what: string;
  /** Workflows of one tenant that may run at once. */
  readonly most: number;
}

const RETRY_AFTER_SECONDS = 60;

/**
 * How many workflows of a type a tenant may have running, as people start them. Temporal's visibility is some moments
 * behind, so those that this process has started and visibility does not show yet are counted too, and a tenant's starts
 * go one after the other. It is exact for the starts of one process.
 */
export class RunningLimit {
  private readonly turns = new KeyedMutex();
  /** Workflows by tenant that visibility has not shown yet. */
  private readonly unseen = new Map<string, Set<string>>();

  constructor(private readonly options: RunningLimitOptions) {}

  /**
   * Starts a workflow of the tenant.
   * @param start its failure may leave the workflow started: then that counts
   * @throws HeadgateError `TENANT_IN_FLIGHT_FULL` when as many as may run do; and what `start` throws
   */
  start<T>(tenant: string, workflowId: string, start: () => Promise<T>): Promise<T> {
    return this.turns.run(tenant, async () => {
      const unseen = this.unseen.get(tenant) ?? new Set();
      await this.assertRoom(tenant, unseen);
      this.unseen.set(tenant, unseen.add(workflowId));
      return start();
    });
  }

  private async assertRoom(tenant: string, unseen: Set<string>): Promise<void> {
    const { most, what } = this.options;
    const visible = await this.visible(tenant);
    for (const workflowId of unseen)
      if (visible.has(workflowId) || !(await this.runs(workflowId))) unseen.delete(workflowId);
    if (unseen.size === 0) this.unseen.delete(tenant);
    if (visible.size + unseen.size < most) return;
    throw new HeadgateError(
      'TENANT_IN_FLIGHT_FULL',
      `${most} ${what} of this tenant run already, which is the most; wait for one, or cancel it.`,
      { retryable: true, retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  private async visible(tenant: string): Promise<Set<string>> {
    const { client, workflowType, most } = this.options;
    const running = new Set<string>();
    const query = `WorkflowType = '${workflowType}' AND HeadgateTenant = '${assertTenantId(tenant)}' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId } of client.workflow.list({ query, pageSize: most })) {
      running.add(workflowId);
      if (running.size >= most) break;
    }
    return running;
  }

  private async runs(workflowId: string): Promise<boolean> {
    try {
      const { status } = await this.options.client.workflow.getHandle(workflowId).describe();
      return status.name === 'RUNNING';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }
}

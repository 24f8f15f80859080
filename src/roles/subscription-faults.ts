import { credentialsOf } from '../activities/push/credentials.js';
import type { Config, SecretReader } from '../config.js';
import { HeadgateError } from '../errors.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { queueTemplateProblem } from '../tenants/config/workflow-queue.js';

/** What keeps a subscription from delivering anything, whatever its receiver does: `<code>: <sentence>`. */
export type SubscriptionFault = (tenant: string, subscription: string) => string | undefined;

/** Looks for what can be known without an event: secrets that this process does not have, queues that are not the tenant's. */
export function createSubscriptionFaults(
  { workflowQueues }: Pick<Config, 'workflowQueues'>,
  configOf: (tenant: string) => TenantConfig | undefined,
  secretOf: SecretReader,
): SubscriptionFault {
  return (tenant, name) => {
    const subscription = configOf(tenant)?.subscriptions.find((each) => each.name === name);
    if (subscription?.kind === 'workflow') {
      const problem = queueTemplateProblem(tenant, subscription.taskQueue, workflowQueues);
      return problem === undefined ? undefined : `QUEUE_REFUSED: ${problem}`;
    }
    if (subscription?.kind !== 'push') return undefined;
    try {
      credentialsOf(tenant, subscription, secretOf);
      return undefined;
    } catch (error) {
      if (!(error instanceof HeadgateError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  };
}

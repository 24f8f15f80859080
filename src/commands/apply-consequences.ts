import type { Config } from '../config.js';
import { dataPaths } from '../roles/stores.js';
import type { TenantToApply } from '../tenants/config/registry.js';
import { restartsOf, type Restart } from '../tenants/config/restarts.js';
import { DELIVER } from '../workflows/messages/deliveries.js';
import { askRunningTemporal } from './running-temporal.js';

/** What a change of a tenant's configuration does to what there is, a line each. To be asked before it comes into force. */
export async function consequences(config: Config, { loaded, before }: TenantToApply): Promise<string[]> {
  const names = new Set(loaded.config.subscriptions.map(({ name }) => name));
  const gone = before?.config.subscriptions.filter(({ name }) => !names.has(name)) ?? [];
  const { tenant } = loaded.config;
  const waiting = await waitingFor(
    config,
    tenant,
    gone.map(({ name }) => name),
  );
  const removed = gone.map(({ name }, index) => removal(tenant, name, waiting?.[index]));
  const restarts = await restartsOf(before, loaded, dataPaths(config.dataDir).tenantVersions);
  return [...removed, ...restarts.map(restart)];
}

/** How many batches wait for each of a tenant's subscriptions; undefined where Temporal cannot be asked. */
async function waitingFor(
  config: Config,
  tenant: string,
  names: readonly string[],
): Promise<readonly number[] | undefined> {
  if (names.length === 0) return [];
  // Ids and names have been checked: neither can hold a quotation mark.
  const running = `WorkflowType = "${DELIVER}" AND ExecutionStatus = "Running" AND HeadgateTenant = "${tenant}"`;
  return askRunningTemporal(config, async (client) => {
    const counts = names.map((name) =>
      client.workflow.count(`${running} AND HeadgateSubscription = "${name}"`),
    );
    return (await Promise.all(counts)).map(({ count }) => count);
  }).catch(() => undefined);
}

function removal(tenant: string, name: string, waiting: number | undefined): string {
  const what = `subscription ${name} is removed: `;
  if (waiting === 0) return `${what}nothing is on its way to it`;
  const fate = 'dead letters (subscription-removed)';
  if (waiting === undefined)
    return `${what}what waits for it becomes ${fate}; Temporal cannot be asked now how much that is`;
  const batches =
    waiting === 1 ? '1 batch that waits for it becomes' : `${waiting} batches that wait for it become`;
  return `${what}${batches} ${fate}: headgate dead-letters list --tenant ${tenant}`;
}

function restart({ aggregate, how, version, rules }: Restart): string {
  const used = rules.length === 0 ? '' : ` (used by ${rules.join(', ')})`;
  const name = `aggregate ${aggregate}${used} `;
  if (how === 'begins') return `${name}has another definition: it begins at 0 for every subject`;
  if (how === 'resumes')
    return `${name}is back as in version ${version}: events that came since it was left out are not in it`;
  return `${name}has the definition of version ${version} again, and so have its rules their versions of then: it begins at 0 for subjects that had events meanwhile`;
}

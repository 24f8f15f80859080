import { Command } from 'commander';
import type { SubscriptionFileOptions } from './run-tenant-changes.js';
import { withChange } from './tenant-changes.js';

const PUT = `
The file has the keys that the subscription has in the tenant's file, as YAML, without its name; under \`routes\` it may have
what it gets: routes without \`to\`, which replace those that lead to it alone.

  kind: push
  url: https://crm.example/hooks
  secret: secret:crm
  routes:
    - match: { type: order.* }

Examples:
  $ headgate subscription put crm crm.yaml --tenant UA --replaces 7d9f2a01c3e4
  $ headgate subscription put crm crm.yaml --tenant UA --replaces any --reason "the CRM is to hear of orders"`;

const DELETE = `
It goes from the routes as well. What waits for it becomes dead letters, which can be redriven once it is back.

Example:
  $ headgate subscription delete crm --tenant UA --replaces any --reason "the CRM is gone"`;

/** Commands of `headgate subscription` that change the tenant's file, by a running node. */
export function subscriptionChangeCommands(): Command[] {
  const run = () => import('./run-tenant-changes.js');
  return [
    withTenant(new Command('put').argument('<name>').argument('<file>', 'what it says, as YAML'))
      .description('Create or replace a subscription.')
      .addHelpText('after', PUT)
      .action(async (name: string, file: string, options: SubscriptionFileOptions) =>
        (await run()).putSubscription(name, file, options),
      ),
    withTenant(new Command('delete').argument('<name>'))
      .description('Delete a subscription, with the routes that lead to it alone.')
      .addHelpText('after', DELETE)
      .action(async (name: string, options: SubscriptionFileOptions) =>
        (await run()).deleteSubscription(name, options),
      ),
  ];
}

function withTenant(command: Command): Command {
  return withChange(command.requiredOption('--tenant <tenant>', 'whose subscription'));
}

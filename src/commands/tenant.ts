import { Command } from 'commander';
import type { ApplyOptions } from './run-tenant.js';
import { examplePath } from './example-path.js';
import { tenantChangeCommands } from './tenant-changes.js';
import { tenantEraseCommand } from './tenant-erase.js';
import { tenantRemoveCommand } from './tenant-remove.js';

const EXAMPLE = examplePath('flights/tenants');

const APPLY_EXAMPLES = `
Examples:
  $ headgate tenant apply ${EXAMPLE}     every <tenant>.yaml in a directory
  $ headgate tenant apply UA.yaml                      one tenant
  $ headgate tenant apply UA.yaml --keep-data          one that was removed, and goes on with what is kept of it

All files are checked first; if any is invalid, nothing is changed and every problem is shown as
file:line:column: message. A BigQuery dataset that lies elsewhere than its tenant's file says is refused as well, and so is a tenant that is not configured now but has data here, unless --keep-data is said. What a
change does to what waits, and to aggregates, is said. Running processes take over a change within a second.`;

const EXAMPLES = `
Examples:
  $ headgate tenant apply ${EXAMPLE}
  $ headgate tenant list
  $ headgate tenant put UA.yaml --replaces 7d9f2a01c3e4 --reason "a higher rate"`;

const VERSIONS_EXAMPLES = `
Every configuration that has been in force is kept under a hash of its file, the last 100 per tenant.
\`headgate replay --rules VERSION\` decides again by the rules of one.

Example:
  $ headgate tenant versions UA`;

const LIST_EXAMPLES = `
Example:
  $ headgate tenant list`;

/** `headgate tenant`: applies and lists the tenants' configurations, and removes or erases a tenant. */
export function tenantCommand(): Command {
  const command = new Command('tenant')
    .alias('tenants')
    .description("Apply, change and list tenants' configurations; remove or erase a tenant.")
    .addHelpText('after', EXAMPLES);
  command
    .command('apply')
    .argument('<dir|file>', 'a <tenant>.yaml file, or a directory of them')
    .description('Check tenant files and put them into force.')
    .option('--keep-data', 'let tenants that were removed go on with what is kept of them', false)
    .option('--reason <reason>', "why: kept in the tenants' histories and the audit log")
    .addHelpText('after', APPLY_EXAMPLES)
    .action(async (source: string, options: ApplyOptions) =>
      (await import('./run-tenant.js')).applyTenants(source, options),
    );
  command
    .command('list')
    .description('List the tenants with their isolation, rules and aggregates.')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async () => (await import('./run-tenant.js')).listTenants());
  command
    .command('versions')
    .argument('<tenant>', 'whose configurations')
    .description('List the configurations a tenant has had, the last one first, with their rules.')
    .addHelpText('after', VERSIONS_EXAMPLES)
    .action(async (tenant: string) => (await import('./run-tenant.js')).showVersions(tenant));
  for (const added of tenantChangeCommands()) command.addCommand(added);
  command.addCommand(tenantRemoveCommand());
  command.addCommand(tenantEraseCommand());
  return command;
}

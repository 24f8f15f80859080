import { Command } from 'commander';
import type { TenantChangeOptions } from './run-tenant-changes.js';
import { urlOption } from './url-option.js';

const PUT = `
The API of a running node checks the file as \`tenant apply\` does, and says when it is in force. What is there is replaced
only if --replaces names its version, as \`tenant show\` says it: of two operators, the second is refused.
The token is HEADGATE_TOKEN of an operator with the scope tenants:write, or one signed with the development key.

Examples:
  $ headgate tenant put UA.yaml --reason "a new customer"
  $ headgate tenant put UA.yaml --replaces 7d9f2a01c3e4 --reason "a higher rate"
  $ headgate tenant put UA.yaml --replaces any`;

const SHOW = `
Literal secrets are shown as fingerprints. The version goes to stderr, so the file can be edited and put back.

Examples:
  $ headgate tenant show UA
  $ headgate tenant show UA > UA.yaml`;

const DELETE = `
The tenant's file is taken away by a running node, as \`tenant remove\` does at the node itself; what is kept of it stays.

Example:
  $ headgate tenant delete UA --replaces 7d9f2a01c3e4 --reason "the customer left"`;

const HISTORY = `
By the API and by commands; a file that was changed by hand has no line.

Example:
  $ headgate tenant history UA`;

/** Commands of `headgate tenant` that ask a running node. */
export function tenantChangeCommands(): Command[] {
  const run = () => import('./run-tenant-changes.js');
  return [
    new Command('show')
      .argument('<tenant>', 'whose file')
      .addOption(urlOption())
      .description('Show the file of a tenant, and its version.')
      .option('--json', 'print the answer as JSON', false)
      .addHelpText('after', SHOW)
      .action(async (tenant: string, options: TenantChangeOptions) =>
        (await run()).showTenant(tenant, options),
      ),
    withChange(new Command('put').argument('<file>', "the tenant's file"))
      .description('Create a tenant or replace its file, by a running node.')
      .option('--keep-data', 'of a new one: go on with what is kept of an earlier one', false)
      .addHelpText('after', PUT)
      .action(async (file: string, options: TenantChangeOptions & { keepData: boolean }) =>
        (await run()).putTenant(file, options),
      ),
    withChange(new Command('delete').argument('<tenant>', 'who is to go'))
      .description('Take the file of a tenant away, by a running node.')
      .addHelpText('after', DELETE)
      .action(async (tenant: string, options: TenantChangeOptions) =>
        (await run()).deleteTenant(tenant, options),
      ),
    new Command('history')
      .argument('<tenant>', 'whose changes')
      .addOption(urlOption())
      .description('List what was changed of a tenant, by whom and why.')
      .option('--json', 'print the answer as JSON', false)
      .addHelpText('after', HISTORY)
      .action(async (tenant: string, options: TenantChangeOptions) =>
        (await run()).tenantHistory(tenant, options),
      ),
  ];
}

/** Options of what changes a tenant by a running node. */
export function withChange(command: Command): Command {
  return command
    .addOption(urlOption())
    .option('--replaces <version>', 'the version that is there, or any; needed where something is there')
    .option('--reason <reason>', "why: kept in the tenant's history and the audit log");
}

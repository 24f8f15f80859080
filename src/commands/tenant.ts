import { join } from 'node:path';
import { Command } from 'commander';
import { loadConfig } from '../config.js';
import { applyTenantFiles, openTenantRegistry, type LoadedTenant } from '../tenant-config/registry.js';

const APPLY_EXAMPLES = `
Examples:
  $ headgate tenant apply examples/flights/tenants     every <tenant>.yaml in a directory
  $ headgate tenant apply UA.yaml                      one tenant

All files are checked first; if any is invalid, nothing is changed and every problem is shown as
file:line:column: message. Running processes take over a change within a second.`;

const EXAMPLES = `
Examples:
  $ headgate tenant apply examples/flights/tenants
  $ headgate tenant list`;

const LIST_EXAMPLES = `
Example:
  $ headgate tenant list`;

/** `headgate tenant`: applies and lists the tenants' configurations. */
export function tenantCommand(): Command {
  const command = new Command('tenant')
    .description("Apply and list tenants' configurations.")
    .addHelpText('after', EXAMPLES);
  command
    .command('apply')
    .argument('<dir|file>', 'a <tenant>.yaml file, or a directory of them')
    .description('Check tenant files and put them into force.')
    .addHelpText('after', APPLY_EXAMPLES)
    .action(applyTenants);
  command
    .command('list')
    .description('List the tenants with their isolation, rules and aggregates.')
    .addHelpText('after', LIST_EXAMPLES)
    .action(listTenants);
  return command;
}

async function applyTenants(source: string): Promise<void> {
  const applied = await applyTenantFiles({ source, dir: registryDir() });
  for (const { tenant, change } of applied) print(`${tenant} ${change}`);
  const counts = (['added', 'changed', 'unchanged'] as const).map(
    (change) => `${applied.filter((each) => each.change === change).length} ${change}`,
  );
  print(`${applied.length} ${applied.length === 1 ? 'tenant' : 'tenants'}: ${counts.join(', ')}`);
}

async function listTenants(): Promise<void> {
  const report = (fields: object, message: string) =>
    process.stderr.write(`${message}\n${(fields as { problem?: string }).problem ?? ''}\n`);
  const registry = await openTenantRegistry({
    dir: registryDir(),
    logger: { info: () => {}, warn: report, error: report },
  });
  await registry.close();
  const tenants = registry.list();
  if (tenants.length === 0) return print('There are no tenants yet; headgate tenant apply adds them.');
  const header = ['TENANT', 'ISOLATION', 'RULES', 'AGGREGATES'];
  printColumns([header, ...tenants.map(rowOf)]);
}

function rowOf({ config, rules }: LoadedTenant): string[] {
  const isolation = config.suspended ? `${config.isolation}, suspended` : config.isolation;
  const names = (all: Iterable<string>) => [...all].join(', ') || '-';
  return [
    config.tenant,
    isolation,
    names(rules.rules.map(({ name }) => name)),
    names(rules.aggregates.keys()),
  ];
}

function printColumns(rows: readonly string[][]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
  }
}

function registryDir(): string {
  return join(loadConfig().dataDir, 'tenants');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

import { Command } from 'commander';
import type { RemoveOptions } from './run-tenant-remove.js';

const HELP = `
Without --data the tenant's file is taken away: within a second its requests are answered 403, and what is on its way waits. All
that is kept of it stays, and goes on with the file: headgate tenant apply --keep-data.

With --data everything of the tenant is removed: profiles, aggregates and decisions, events that wait, ids that are
remembered, batches and their keys, the Parquet warehouse, workflows (its own ones too), dead letters, pauses of its
subscriptions and earlier configurations. Its id may then be given to somebody else. Stop every Headgate on this data
directory first, and workers elsewhere. A dataset in BigQuery stays; what deletes it is said at the end. It may be run again.

Examples:
  $ headgate tenant remove UA
  $ headgate tenant remove UA --data --dry-run
  $ headgate tenant remove UA --data --yes`;

/** `headgate tenant remove`: takes a tenant's file away, and all that is kept of it. */
export function tenantRemoveCommand(): Command {
  return new Command('remove')
    .argument('<tenant>', 'who is to go')
    .description("Take a tenant's file away and, if asked, all that is kept of it.")
    .option('--data', 'remove all that is kept of it as well', false)
    .option('--dry-run', 'say what would be removed, and remove nothing', false)
    .option('--yes', 'with --data: do it, there is no way back', false)
    .addHelpText('after', HELP)
    .action(async (tenant: string, options: RemoveOptions) =>
      (await import('./run-tenant-remove.js')).remove(tenant, options),
    );
}

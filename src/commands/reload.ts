import { Command } from 'commander';
import { dayOption } from './day-option.js';
import type { ReloadOptions } from './run-reload.js';

const HELP = `
For a Temporal whose data was lost or put back from a backup: load windows that were open are gone with it, and what was
announced to them is not loaded. A node finds that out when it starts, and does this for all tenants. Batches that the
warehouse holds are left out. It goes on in Temporal, also when this command is stopped.

Examples:
  $ headgate reload --tenant UA
  $ headgate reload --tenant UA --from 2026-11-01 --to 2026-11-03`;

/** `headgate reload`: has kept batches loaded that the warehouse lacks. */
export function reloadCommand(): Command {
  return new Command('reload')
    .description('load the kept batches of a tenant that its warehouse lacks')
    .requiredOption('--tenant <tenant>', 'the tenant')
    .option('--from <day>', 'batches made on this day or later (UTC)', dayOption)
    .option('--to <day>', 'batches made on this day or before (UTC)', dayOption)
    .addHelpText('after', HELP)
    .action(async (options: ReloadOptions) => (await import('./run-reload.js')).runReload(options));
}

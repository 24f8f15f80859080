import { Command, Option } from 'commander';
import { dayOption } from './day-option.js';
import type { UsageOptions } from './run-usage.js';
import { urlOption } from './url-option.js';

const HELP = `
Days are those of UTC; without --from and --to it is this month, up to today. --by stream and --by subscription have a row
more, for what belongs to none. Costs are exact, and there where the API has HEADGATE_PRICES.

The token is HEADGATE_TOKEN, or one signed with the development key.

Examples:
  $ headgate usage --tenant UA
  $ headgate usage --tenant UA --from 2026-03-01 --to 2026-03-31 --by subscription
  $ headgate usage --tenant UA --csv > usage.csv`;

/** `headgate usage`: what a tenant has used, and what that costs. */
export function usageCommand(): Command {
  return new Command('usage')
    .description('show what a tenant has used, and what that costs')
    .requiredOption('--tenant <tenant>', 'whose usage')
    .option('--from <day>', 'from this day on (default: the first of the month)', dayOption)
    .option('--to <day>', 'through this day (default: today)', dayOption)
    .addOption(
      new Option('--by <what>', 'a row for each').choices(['day', 'stream', 'subscription']).default('day'),
    )
    .addOption(urlOption())
    .addOption(new Option('--json', 'print the answer as JSON').default(false).conflicts('csv'))
    .addOption(new Option('--csv', 'print the rows as CSV').default(false))
    .addHelpText('after', HELP)
    .action(async (options: UsageOptions) => (await import('./run-usage.js')).showUsage(options));
}

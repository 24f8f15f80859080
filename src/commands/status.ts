import { Command } from 'commander';
import type { StatusOptions } from './run-status.js';
import { urlOption } from './url-option.js';

const EXAMPLES = `
Examples:
  $ headgate status
  $ headgate status --tenant UA
  $ headgate status --watch
  $ headgate status --json | jq '.problems[] | .what'

It ends with 0 where all is well, 1 where something fails, and 2 where that cannot be told.
What somebody has paused is shown and does not fail. doctor checks this machine; status asks the running API.
The token is HEADGATE_TOKEN, or one signed with the development key, which without --tenant is an operator's.`;

/** `headgate status`: what fails, what waits, and what to do about it. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show what fails and since when, what waits, and how to go on; the worst first')
    .option('--tenant <tenant>', 'of one tenant (default: of all that the token reaches)')
    .option('--json', 'print the answer as JSON', false)
    .option('--watch', 'look again every five seconds, until it is stopped', false)
    .addOption(urlOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: StatusOptions) => (await import('./run-status.js')).runStatus(options));
}

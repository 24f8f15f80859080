import { Option, type Command } from 'commander';
import { DEAD_REASONS } from '../workflows/messages/deliveries.js';
import { urlOption } from './url-option.js';

/** Shown by every `--help`. */
export const EXAMPLES = `
Examples:
  $ headgate dead-letters list --tenant UA --subscription crm --code attempts-exhausted
  $ headgate dead-letters show crm~20240310-0123abcd-000000001~attempts-exhausted.10 --tenant UA
  $ headgate dead-letters redrive crm~20240310-0123abcd-000000001~attempts-exhausted.10 --tenant UA
  $ headgate dead-letters redrive --tenant UA --subscription crm --events-per-second 500
  $ headgate dead-letters discard --tenant UA --type 'test.*' --reason "events of the load test"
  $ headgate dead-letters export --tenant UA --from 2024-03-10T00:00:00Z > dead.ndjson

A dead letter holds events of one batch that one subscription could not be given for one reason; it is redriven whole.
The token is HEADGATE_TOKEN, or one signed with the development key.`;

/** A command about a tenant's dead letters. */
export function targeted(command: Command): Command {
  return command
    .requiredOption('--tenant <tenant>', 'whose dead letters')
    .addOption(urlOption())
    .option('--json', 'print the answer as JSON', false)
    .addHelpText('after', EXAMPLES);
}

/** A command about those that match a filter. */
export function filtered(command: Command): Command {
  return targeted(command)
    .option('--subscription <name>', 'of this subscription')
    .addOption(new Option('--code <code>', 'given up for this reason').choices(DEAD_REASONS))
    .option('--type <type>', 'holding events of this type, exact or a prefix as booking.*')
    .option('--from <time>', 'given up then or later, as 2024-03-10T00:00:00Z')
    .option('--to <time>', 'given up then or earlier');
}

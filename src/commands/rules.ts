import { Command } from 'commander';
import type { RulesOptions } from './run-rules.js';
import { urlOption } from './url-option.js';

const EXAMPLES = `
Examples:
  $ headgate rules errors --tenant UA
  $ headgate rules errors --tenant UA --url http://10.0.0.7:8080 --json

It counts since the node was started, from its /metrics. docs/reference/errors.md says what the kinds mean.`;

/** `headgate rules`: which of a tenant's expressions fail. */
export function rulesCommand(): Command {
  const command = new Command('rules')
    .description("Look at a tenant's expressions as they run.")
    .addHelpText('after', EXAMPLES);
  command
    .command('errors')
    .description('show which rules, aggregates and filters of routes fail on events, how, and how often')
    .requiredOption('--tenant <tenant>', 'whose expressions')
    .addOption(urlOption())
    .option('--json', 'print the answer as JSON', false)
    .addHelpText('after', EXAMPLES)
    .action(async (options: RulesOptions) => (await import('./run-rules.js')).errors(options));
  return command;
}

import { Command } from 'commander';
import type { SourceOptions } from './run-source.js';
import { urlOption } from './url-option.js';

const EXAMPLES = `
A source is a producer of a tenant that sends with a write key, as the SDKs of Segment and RudderStack do. A key is printed
once, when it is made: its hash alone is kept. A running node does it.
The token is HEADGATE_TOKEN of an operator with the scope tenants:write, or one signed with the development key.

Examples:
  $ headgate source create web --tenant UA --origin https://shop.example --event-type 'track.*'
  $ headgate source list --tenant UA
  $ headgate source change web --tenant UA --origin https://shop.example --origin https://www.shop.example
  $ headgate source rotate web --tenant UA --overlap 48h --reason "yearly"
  $ headgate source revoke web --tenant UA --id 1 --reason "it was in a log"
  $ headgate source delete web --tenant UA`;

/** `headgate source`: the sources of a tenant, and their write keys. */
export function sourceCommand(): Command {
  const command = new Command('source')
    .alias('sources')
    .description("Create, list, change and delete a tenant's sources, and rotate or revoke their write keys.")
    .addHelpText('after', EXAMPLES);
  withTarget(command.command('list').description('list the sources, without their keys')).action(
    async (options: SourceOptions) => (await import('./run-source.js')).listSources(options),
  );
  withSettings(named(command, 'create', 'create a source, and print its key once')).action(
    async (name: string, options: SourceOptions) =>
      (await import('./run-source.js')).createSource(name, options),
  );
  withSettings(named(command, 'change', 'replace what it may send; its keys stay')).action(
    async (name: string, options: SourceOptions) =>
      (await import('./run-source.js')).changeSource(name, options),
  );
  named(command, 'rotate', 'make a new key; the old ones stay valid for a while')
    .option('--overlap <duration>', 'how long the old keys stay valid, 31d at most', '24h')
    .action(async (name: string, options: SourceOptions) =>
      (await import('./run-source.js')).rotateKeys(name, options),
    );
  named(command, 'revoke', 'end a key at once, for good')
    .requiredOption('--id <id>', 'which key, as list shows it')
    .action(async (name: string, options: SourceOptions) =>
      (await import('./run-source.js')).revokeKey(name, options),
    );
  named(command, 'delete', 'delete a source; all its keys end at once').action(
    async (name: string, options: SourceOptions) =>
      (await import('./run-source.js')).deleteSource(name, options),
  );
  return command;
}

/** A command about one source, which it changes. */
function named(command: Command, verb: string, description: string): Command {
  const made = command.command(verb).argument('<name>').description(description);
  return withTarget(made).option('--reason <reason>', 'why, for those who come after');
}

function withSettings(command: Command): Command {
  return command
    .option(
      '--origin <origin>',
      'pages that may send, such as https://shop.example; repeatable (default: any)',
      more,
    )
    .option(
      '--event-type <type>',
      "events that it may send, such as 'track.*'; repeatable (default: any)",
      more,
    );
}

function more(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function withTarget(command: Command): Command {
  return command
    .requiredOption('--tenant <tenant>', 'whose sources')
    .addOption(urlOption())
    .option('--json', 'print the answer as JSON', false)
    .addHelpText('after', EXAMPLES);
}

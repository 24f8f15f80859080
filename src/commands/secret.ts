import { Command } from 'commander';
import type { SecretOptions } from './run-secret.js';
import { urlOption } from './url-option.js';

const EXAMPLES = `
Secrets are encrypted with the master key HEADGATE_BATCH_KEY by a running node. A tenant's file refers to one by its name:
\`secret: secret:crm\`, or \`headers: { Authorization: secret:crm-api }\`. A value is printed once, when it is made.
The token is HEADGATE_TOKEN of an operator with the scope tenants:write, or one signed with the development key.

Examples:
  $ headgate secret make crm --tenant UA --reason "the CRM verifies webhooks now"
  $ headgate secret make crm-api --tenant UA --kind text --value-from api-key.txt
  $ headgate secret list --tenant UA
  $ headgate secret rotate crm --tenant UA --overlap 48h
  $ headgate secret revoke crm --tenant UA --id 1 --reason "it was in a log"`;

const VALUE_FROM = 'file with the value, - for stdin (default: a new random one)';

/** `headgate secret`: makes, lists, rotates and revokes secrets of a tenant. */
export function secretCommand(): Command {
  const command = new Command('secret')
    .alias('secrets')
    .description("Make, list, rotate and revoke a tenant's secrets.")
    .addHelpText('after', EXAMPLES);
  withTarget(command.command('list').description('list the secrets, without their values'))
    .option('--json', 'print the answer as JSON', false)
    .action(async (options: SecretOptions) => (await import('./run-secret.js')).listSecrets(options));
  withTarget(command.command('make').argument('<name>').description('make a secret, and print it once'))
    .option('--kind <kind>', 'hmac or ed25519 to sign webhooks, text for a header', 'hmac')
    .option('--value-from <file>', VALUE_FROM)
    .option('--reason <reason>', 'why, for those who come after')
    .action(async (name: string, options: SecretOptions) =>
      (await import('./run-secret.js')).makeSecret(name, options),
    );
  withTarget(
    command.command('rotate').argument('<name>').description('give it a new value; the old one stays valid'),
  )
    .option('--overlap <duration>', 'how long the old value stays valid, 31d at most', '24h')
    .option('--value-from <file>', VALUE_FROM)
    .option('--reason <reason>', 'why, for those who come after')
    .action(async (name: string, options: SecretOptions) =>
      (await import('./run-secret.js')).rotateSecret(name, options),
    );
  withTarget(command.command('revoke').argument('<name>').description('end it at once, for good'))
    .option('--id <id>', 'one value alone, as list shows it (default: all of it)')
    .option('--reason <reason>', 'why, for those who come after')
    .action(async (name: string, options: SecretOptions) =>
      (await import('./run-secret.js')).revokeSecret(name, options),
    );
  return command;
}

function withTarget(command: Command): Command {
  return command
    .requiredOption('--tenant <tenant>', 'whose secrets')
    .addOption(urlOption())
    .addHelpText('after', EXAMPLES);
}

import { Command } from 'commander';
import { subscriptionChangeCommands } from './subscription-changes.js';
import type { ChangeOptions, SubscriptionOptions } from './run-subscription.js';
import { urlOption } from './url-option.js';

const EXAMPLES = `
Examples:
  $ headgate subscription list --tenant UA
  $ headgate subscription show crm --tenant UA
  $ headgate subscription pause crm --tenant UA --reason "the CRM moves on Sunday"
  $ headgate subscription resume crm --tenant UA

A paused subscription takes events, which wait; one that drains takes no new ones and delivers what waits.
Every tenant has the subscription warehouse, which can be paused; with rules also eligibility, which cannot.
The token is HEADGATE_TOKEN, or one signed with the development key.`;

const VERBS = {
  pause: 'let events wait',
  resume: 'deliver again, after a pause, a drain, or when Headgate has disabled it',
  drain: 'take no new events, and deliver what waits',
} as const;

/** `headgate subscription`: lists, pauses, resumes, drains and tests the subscriptions of a tenant. */
export function subscriptionCommand(): Command {
  const command = new Command('subscription')
    .alias('subscriptions')
    .description("List, pause, resume, drain, test, create and delete a tenant's subscriptions.")
    .addHelpText('after', EXAMPLES);
  withTarget(command.command('list').description('show how each subscription stands, and what waits for it'))
    .option('--json', 'print the answer as JSON', false)
    .action(async (options: SubscriptionOptions) => (await import('./run-subscription.js')).list(options));
  withTarget(command.command('show').argument('<name>').description('show one subscription'))
    .option('--json', 'print the answer as JSON', false)
    .action(async (name: string, options: SubscriptionOptions) =>
      (await import('./run-subscription.js')).show(name, options),
    );
  for (const [verb, description] of Object.entries(VERBS)) {
    withTarget(command.command(verb).argument('<name>').description(description))
      .option('--reason <reason>', 'why, for those who come after')
      .action(async (name: string, options: ChangeOptions) =>
        (await import('./run-subscription.js')).change(verb, name, options),
      );
  }
  for (const added of subscriptionChangeCommands()) command.addCommand(added);
  withTarget(command.command('test').argument('<name>').description('send a test event to it alone'))
    .option('--json', 'print the answer as JSON', false)
    .action(async (name: string, options: SubscriptionOptions) =>
      (await import('./run-subscription.js')).test(name, options),
    );
  return command;
}

function withTarget(command: Command): Command {
  return command
    .requiredOption('--tenant <tenant>', 'whose subscriptions')
    .addOption(urlOption())
    .addHelpText('after', EXAMPLES);
}

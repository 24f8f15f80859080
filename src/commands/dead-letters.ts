import { Command } from 'commander';
import { EXAMPLES, filtered, targeted } from './dead-letter-options.js';
import type { ExportOptions, ListOptions, ResolveOptions, ShowOptions } from './run-dead-letters.js';

/** `headgate dead-letters`: what a tenant's subscriptions could not be given, and what is to become of it. */
export function deadLettersCommand(): Command {
  const command = new Command('dead-letters')
    .description('List, show, redrive, discard and export events that could not be delivered.')
    .addHelpText('after', EXAMPLES);
  filtered(command.command('list').description('list dead letters, the newest first'))
    .option('--limit <count>', 'the most to show', '50')
    .action(async (options: ListOptions) => (await import('./run-dead-letters.js')).list(options));
  targeted(command.command('show').argument('<id>').description('show one, its events and what was tried'))
    .option('--events <count>', 'events to show, 0 to 200', '20')
    .action(async (id: string, options: ShowOptions) =>
      (await import('./run-dead-letters.js')).show(id, options),
    );
  resolving(command.command('redrive').argument('[id]').description('deliver again: one, or all that match'))
    .option('--reason <text>', 'why, for those who come after')
    .action(async (id: string | undefined, options: ResolveOptions) =>
      (await import('./run-dead-letters.js')).resolve('redrive', id, options),
    );
  resolving(command.command('discard').argument('[id]').description('give up: one, or all that match'))
    .requiredOption('--reason <text>', 'why, for those who come after')
    .action(async (id: string | undefined, options: ResolveOptions) =>
      (await import('./run-dead-letters.js')).resolve('discard', id, options),
    );
  targeted(
    command.command('progress').argument('<redrive>').description('follow a redrive or discard of many'),
  ).action(async (id: string, options: ShowOptions) =>
    (await import('./run-dead-letters.js')).follow(id, options),
  );
  targeted(
    command.command('cancel').argument('<redrive>').description('end a redrive or discard of many'),
  ).action(async (id: string, options: ShowOptions) =>
    (await import('./run-dead-letters.js')).cancel(id, options),
  );
  filtered(command.command('export').description('write the events as NDJSON, each with why it is dead'))
    .option('--output <file>', 'where to (default: standard output)')
    .action(async (options: ExportOptions) => (await import('./run-dead-letters.js')).exportAll(options));
  return command;
}

function resolving(command: Command): Command {
  return filtered(command)
    .option('--all', 'all of the tenant, where there is neither an id nor a filter', false)
    .option('--events-per-second <count>', 'let go at this rate (default 1000)');
}

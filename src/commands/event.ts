import { Command } from 'commander';
import type { EventOptions } from './run-event.js';
import { urlOption } from './url-option.js';

/** `headgate event`: what became of one event, or which events there are of a subject. */
export function eventCommand(): Command {
  return new Command('event')
    .description('Find an event, and what became of it; or list the events of a subject.')
    .argument('[id]', "the event's id")
    .requiredOption('--tenant <id>', 'whose it is')
    .option('--source <source>', 'with an id: of this source alone')
    .option('--stream <name>', 'with an id: of this stream alone, events or user-properties')
    .option('--subject <subject>', 'list the events of this subject')
    .option('--from <time>', 'with --subject: received then or later, RFC 3339')
    .option('--to <time>', 'with --subject: received before, RFC 3339')
    .option('--limit <count>', 'with --subject: the most to list', '50')
    .addOption(urlOption())
    .option('--json', 'print JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  $ headgate event order-1 --tenant acme
  $ headgate event --subject c-7 --from 2024-03-10T00:00:00Z --tenant acme`,
    )
    .action(async (id: string | undefined, options: EventOptions) =>
      (await import('./run-event.js')).findEvent(id, options),
    );
}

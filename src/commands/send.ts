import { Argument, Command, Option } from 'commander';
import { INPUT_STREAMS } from '../events/event.js';
import { examplePath } from './example-path.js';
import type { SendCommandOptions } from './run-send.js';
import { urlOption } from './url-option.js';

/** `headgate send FILE`: posts a file of events. */
export function sendCommand(): Command {
  return new Command('send')
    .description(
      'send a file of events, one JSON event a line, gzipped or not; an interrupted run is resumed',
    )
    .addArgument(
      new Argument(
        '<file>',
        'NDJSON of CloudEvents, or of {"tenant": …, "event": …}, of which only the tenant\'s are sent',
      ),
    )
    .requiredOption('--tenant <tenant>', 'whose events these are')
    .addOption(new Option('--stream <stream>', 'what they are').choices(INPUT_STREAMS).makeOptionMandatory())
    .addOption(urlOption())
    .option('--restart', 'send the whole file, even where an interrupted run left off', false)
    .option('--acknowledged <file>', 'add the ids of acknowledged events to a file, for headgate audit --ids')
    .addHelpText(
      'after',
      `
The token is HEADGATE_TOKEN, or one signed with the development key.

Examples:
  $ headgate send ${examplePath('flights/aircraft.ndjson.gz')} --tenant UA --stream user-properties
  $ headgate send ${examplePath('flights/flights.ndjson.gz')} --tenant UA --stream events
  $ HEADGATE_TOKEN=… headgate send today.ndjson --tenant acme --stream events --url https://headgate.example`,
    )
    .action(async (file: string, options: SendCommandOptions) =>
      (await import('./run-send.js')).runSend(file, options),
    );
}

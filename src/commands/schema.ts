import { Command, InvalidArgumentError } from 'commander';
import type { CheckOptions } from './run-schema-check.js';

interface ShowOptions {
  readonly infer: boolean;
  readonly hours: number;
  readonly json: boolean;
}

const EXAMPLES = `
A tenant's tables: each column with its type, the field of data that it is promoted from, since which load, how many
values it has, and how many have clashed with its type and are in _clashes. With --infer: the fields of data in the
events that are kept, what they hold, and what of it might be promoted, to paste into the tenant's file. Where a tenant's
warehouse is BigQuery, its columns are shown as configured. Nothing is changed by any of it.

Examples:
  $ headgate schema UA                      the tables, and what has clashed
  $ headgate schema UA --infer --hours 72   what might be promoted
  $ headgate schema check UA.yaml           try the JSON Schemas of a tenant's file`;

const HELP = `
Reads the batch files that this data directory keeps, and changes nothing: neither the file nor the events are taken.
A schema is tried whatever its mode, so that one that is off or warns can be tried before it is enforced. Events that
were rejected are not kept, and what came within the last second may not be in a batch file yet.

Exit code 0: every event fits. 1: some do not.

Examples:
  $ headgate schema check UA.yaml                                   the last 24 hours
  $ headgate schema check UA.yaml --from 2026-03-01 --to 2026-03-08
  $ headgate schema check UA.yaml --show 50 --json`;

/** `headgate schema`: shows a tenant's tables, infers columns, and tries the schemas of a tenant's file. */
export function schemaCommand(): Command {
  const command = new Command('schema')
    .description("Show a tenant's tables, infer columns, or try the schemas of its file.")
    .argument('[tenant]', 'whose tables to show')
    // Options behind `check` are its own.
    .enablePositionalOptions()
    .option('--infer', 'look at the kept events for fields to promote', false)
    .option('--hours <hours>', 'with --infer: events received in the last N hours', hours, 24)
    .option('--json', 'print it as JSON', false)
    .addHelpText('after', EXAMPLES)
    .action(show);
  command
    .command('check')
    .argument('<file>', "a tenant's file, which need not be in force")
    .description("check a tenant's kept events against the schemas of a file, before it is applied")
    .option(
      '--from <moment>',
      'received from this moment or day on, RFC 3339 (default: 24 hours before --to)',
      moment,
    )
    .option('--to <moment>', 'received before this moment (default: now)', moment)
    .option('--show <count>', 'how many events that do not fit to name, of each schema', wholeNumber, 5)
    .option('--json', 'print the findings as JSON', false)
    .addHelpText('after', HELP)
    .action(async (file: string, options: CheckOptions) =>
      (await import('./run-schema-check.js')).runCheck(file, options),
    );
  return command;
}

async function show(tenant: string | undefined, options: ShowOptions, command: Command): Promise<void> {
  if (tenant === undefined) return command.help({ error: true });
  if (options.infer) await (await import('./schema-infer.js')).showInferred(tenant, options);
  else await (await import('./schema-show.js')).showSchema(tenant, options);
}

function moment(text: string): number {
  const time = Date.parse(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(time)) return time;
  throw new InvalidArgumentError('A moment is a day (2026-03-01), or RFC 3339 (2026-03-01T12:00:00Z).');
}

function hours(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of hours, 1 to 9999.');
}

function wholeNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of at most four digits.');
}

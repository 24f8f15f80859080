import { Command, InvalidArgumentError, Option } from 'commander';
import { INPUT_STREAMS } from '../events/event.js';
import { dayOption } from './day-option.js';
import type { AuditCommandOptions } from './run-audit.js';

const HELP = `
What was acknowledged is what --ids names: lines of {"tenant": …, "stream": …, "id": …}, as \`headgate send
--acknowledged\` writes them, or ids alone, one a line. Without --ids it is what the kept batch files hold.
Missing: acknowledged, but in no row of the warehouse. Doubled: in more than one row of its files (queries show
each id once even so). Decisions: an event whose type rules are on must have one of each rule that was configured when it came.
Damaged: acknowledged, but lost on disk before they were in a batch file; named by batch, as their ids are lost too.
Files that are damaged are named, and their events left out of the numbers, as their ids cannot be trusted.
Left out: no load can take it, so it is among the dead letters of the subscription warehouse; it is not missing.
In the spool: acknowledged, and in no batch yet; told by their number, of this data directory's spool.
Audit when all has been loaded: what is still on its way, or among the dead letters of ingest, counts as missing.

Exit code 0: nothing is missing, in the spool, damaged or doubled. 1: something is.

Examples:
  $ headgate audit
  $ headgate audit --tenant UA --from 2026-03-01 --to 2026-03-07
  $ headgate send today.ndjson --tenant UA --stream events --acknowledged ids.ndjson && headgate audit --ids ids.ndjson
  $ zcat ids.gz | headgate audit --tenant UA --ids - --json`;

/** `headgate audit`: compares what was acknowledged with what the warehouse holds. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('check that every acknowledged event is in the warehouse once, and decided on once')
    .option('--tenant <tenant>', 'look at one tenant (default: all configured, or all that --ids names)')
    .option('--ids <file>', 'acknowledged ids, gzipped or not; - reads standard input')
    .addOption(
      new Option('--stream <stream>', 'stream of ids that are alone on their lines')
        .choices(INPUT_STREAMS)
        .default('events'),
    )
    .option('--from <day>', 'only batches made on this day (YYYY-MM-DD, UTC) or later', dayOption)
    .option('--to <day>', 'only batches made on this day or before', dayOption)
    .option('--show <count>', 'how many of what is missing or doubled to name', wholeNumber, 10)
    .option('--json', 'print the findings as JSON', false)
    .addHelpText('after', HELP)
    .action(async (options: AuditCommandOptions) => (await import('./run-audit.js')).runAudit(options));
}

function wholeNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

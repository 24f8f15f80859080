import { Command, InvalidArgumentError, Option } from 'commander';
import { INPUT_STREAMS } from '../events/event.js';
import type { ReplayOptions, TargetOptions } from './run-replay.js';
import { urlOption } from './url-option.js';

const HELP = `
Without --subscription, --into and --rules everything is delivered again, as the tenant's routes say. --rules decides
again and records the decisions beside those there are: current, a version (headgate tenant versions), or a tenant
file, which is kept as a version. --dry-run says what would happen: for decisions, how they differ from those recorded.
--apply-current, with --rules, makes what is decided the subjects' current decisions (GET /v1/eligibility): of each
subject and rule the decision on the latest event of the range, where the rule is in force in this version and the
current decision is on no later event. So apply the rules first. With --dry-run it says what would become current.
Replays may be run twice, while events come in, and reset in the Temporal UI: nothing doubles in the warehouse, and
receivers know what is delivered again by its webhook-id.

A replay waits until what was acknowledged of its range is in batches. What is not after 15 minutes is missing from it:
its notes say how much, and the exit code is 1.

The token is HEADGATE_TOKEN, or one signed with the development key.

Examples:
  $ headgate replay --tenant UA --rules current --from 2026-03-01 --dry-run
  $ headgate replay --tenant UA --rules UA-120-minutes.yaml --dry-run --json
  $ headgate tenant apply UA-120-minutes.yaml
  $ headgate replay --tenant UA --rules current --apply-current
  $ headgate replay --tenant UA --subscription crm --from 2026-03-01T10:00:00Z --to 2026-03-01T12:00:00Z
  $ headgate replay --tenant UA --into analytics --types 'flight.*' --rate 20000
  $ headgate replay list --tenant UA
  $ headgate replay cancel 20260301t100000-0123abcd --tenant UA`;

/** `headgate replay`: runs kept events again, over the API. */
export function replayCommand(): Command {
  const command = target(new Command('replay'))
    .description('run kept events again: deliver them, or decide on them by other rules')
    .enablePositionalOptions()
    .option('--from <moment>', 'from this moment or day on, RFC 3339 (default: the oldest event kept)')
    .option('--to <moment>', 'up to this moment (default: now)')
    .option('--event-time', "the range is by the events' own time (default: by receipt)", false)
    .addOption(new Option('--stream <stream>', 'one stream (default: both)').choices(INPUT_STREAMS))
    .option('--types <types>', 'event types, separated by commas; a star at the end for a prefix', typesOf)
    .option('--subscription <name>', 'deliver to this subscription alone')
    .option('--into <name>', 'fill this newly made subscription')
    .option('--rules <version|file>', 'decide again by these rules, and record the decisions')
    .option(
      '--apply-current',
      'with --rules: what is decided becomes current, where nothing newer is known',
      false,
    )
    .option('--dry-run', 'say what would happen, and do nothing', false)
    .option('--rate <n>', 'events read per second (default: 5000)', wholeNumber)
    .option('--no-wait', 'do not wait for the end')
    .addHelpText('after', HELP)
    .action(async (options: ReplayOptions) => (await import('./run-replay.js')).runReplay(options));
  command.addCommand(
    target(new Command('list'))
      .description('the latest replays, and how far back they reach')
      .action(async (options: TargetOptions) => (await import('./run-replay.js')).list(options)),
  );
  command.addCommand(
    target(new Command('show'))
      .argument('<id>')
      .description('how far a replay is, or its report')
      .action(async (id: string, options: TargetOptions) =>
        (await import('./run-replay.js')).show(id, options),
      ),
  );
  command.addCommand(
    target(new Command('cancel'))
      .argument('<id>')
      .description('stop a replay; what it has done stays')
      .action(async (id: string, options: TargetOptions) =>
        (await import('./run-replay.js')).cancel(id, options),
      ),
  );
  return command;
}

function target(command: Command): Command {
  return command
    .option('--tenant <tenant>', 'whose events')
    .addOption(urlOption())
    .option('--json', 'print JSON', false);
}

function typesOf(text: string): string[] {
  return text.split(',').map((type) => type.trim()).filter(Boolean); // prettier-ignore
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}

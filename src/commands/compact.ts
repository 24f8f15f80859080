import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../platform/units.js';
import type { CompactOptions } from './run-compact.js';

const HELP = `
The files of each day that has ended at least --older-than ago become few big ones with the same rows; of younger days
those that were written that long ago. Nodes do that automatically, unless HEADGATE_COMPACTION=off. It may run at any time,
beside a node and beside queries: what was replaced is removed by a later compaction, --grace after it was replaced. Other
tools that read the files see both until then, see docs/how-to/read-the-parquet-files.md.

Examples:
  $ headgate compact UA
  $ headgate compact UA --older-than 7d --grace 6h`;

/** `headgate compact TENANT`: replaces many small files by few. */
export function compactCommand(): Command {
  return new Command('compact')
    .description("replace the small files in a tenant's warehouse by few big ones")
    .argument('<tenant>', 'whose warehouse')
    .addOption(
      new Option(
        '--older-than <duration>',
        'only days that ended, and files that were written, this long ago',
      )
        .argParser(duration)
        .default(duration('1h'), '1h'),
    )
    .addOption(
      new Option('--grace <duration>', 'how long replaced files are kept for running queries')
        .argParser(duration)
        .default(duration('1h'), '1h'),
    )
    .addHelpText('after', HELP)
    .action(async (tenant: string, options: CompactOptions) =>
      (await import('./run-compact.js')).runCompact(tenant, options),
    );
}

function duration(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new InvalidArgumentError('Give a duration as 30m, 6h or 1d.');
  return milliseconds;
}

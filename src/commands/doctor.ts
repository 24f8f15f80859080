import { Command } from 'commander';

/** `headgate doctor`: checks what Headgate needs and says how to fix what is missing. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'check Node, ports, disk, batches and their key, state, Temporal, clock, tenants, keys and BigQuery, and say how to fix each',
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExamples:\n  $ headgate doctor\n  $ headgate doctor --json | jq .')
    .action(async (options: { json?: boolean }) => (await import('./examine.js')).runDoctor(options));
}

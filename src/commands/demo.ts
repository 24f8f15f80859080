import { Command } from 'commander';

/** `headgate demo`: everything, with a week of real flights sent through it. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run everything and send a real week of flights of 15 tenants through it')
    .option('--exit', 'stop after the table; exit code 1 if anything does not add up', false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate demo\n  $ HEADGATE_DATA_DIR=$(mktemp -d) headgate demo --exit',
    )
    .action(async (options: { exit: boolean }) => (await import('./run-demo.js')).runDemo(options));
}

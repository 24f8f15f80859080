import { Command } from 'commander';
import { examplePath } from './example-path.js';

/** `headgate start`: API, workers and Temporal in one process group. */
export function startCommand(): Command {
  return new Command('start')
    .description(
      'run everything: API, workers and, unless TEMPORAL_ADDRESS is set, a Temporal server of its own',
    )
    .option('--tenants <dir>', 'apply the tenant files of a directory first')
    .addHelpText(
      'after',
      `
Examples:
  $ headgate start --tenants ${examplePath('flights/tenants')}
  $ HEADGATE_PORT=9090 HEADGATE_DATA_DIR=/var/lib/headgate headgate start
  $ TEMPORAL_ADDRESS=temporal.internal:7233 headgate start`,
    )
    .action(async (options: { tenants?: string }) => (await import('./run-start.js')).runAll(options));
}

/** `headgate api`: the API role alone. */
export function apiCommand(): Command {
  return new Command('api')
    .description(
      'run the API alone; needs TEMPORAL_ADDRESS, and `headgate worker` on the same data directory',
    )
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate api')
    .action(async () => (await import('./run-start.js')).runRole('api'));
}

/** `headgate worker`: the worker role alone. */
export function workerCommand(): Command {
  return new Command('worker')
    .description(
      'run workflows and activities alone; needs TEMPORAL_ADDRESS; as many as you like on one data directory',
    )
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=127.0.0.1:7233 headgate worker')
    .action(async () => (await import('./run-start.js')).runRole('worker'));
}

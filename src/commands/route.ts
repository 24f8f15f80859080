import { Command, Option } from 'commander';
import { INPUT_STREAMS } from '../events/event.js';
import type { RouteOptions } from './run-route.js';

const HELP = `
Reads the tenant's configuration that is in force, or a file with --config, and asks no server.

Examples:
  $ headgate route --tenant UA --explain event.json
  $ headgate route --config UA.yaml --explain event.json
  $ echo '{"specversion":"1.0","id":"1","source":"s","type":"flight.departed"}' | headgate route --tenant UA --explain -`;

/** `headgate route --explain FILE`: says which routes match an event, and why the others do not. */
export function routeCommand(): Command {
  return new Command('route')
    .description("say where a tenant's routes send an event, and why")
    .requiredOption('--explain <file>', 'a CloudEvent as JSON; - reads standard input')
    .option('--tenant <tenant>', 'whose routes')
    .option('--config <file>', "a tenant's file (<tenant>.yaml) that need not be in force")
    .addOption(new Option('--stream <stream>', 'where it is posted').choices(INPUT_STREAMS).default('events'))
    .option('--json', 'print the explanation as JSON', false)
    .addHelpText('after', HELP)
    .action(async (options: RouteOptions) => (await import('./run-route.js')).runRoute(options));
}

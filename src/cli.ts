import { Command, CommanderError } from 'commander';
import { HeadgateError, messageOf, systemCodeOf } from './errors.js';
import { headgateVersion } from './version.js';

/** How to load each command, in the order that help shows them. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.js')).startCommand(),
  demo: async () => (await import('./commands/demo.js')).demoCommand(),
  api: async () => (await import('./commands/start.js')).apiCommand(),
  worker: async () => (await import('./commands/start.js')).workerCommand(),
  tenant: async () => (await import('./commands/tenant.js')).tenantCommand(),
  token: async () => (await import('./commands/token.js')).tokenCommand(),
  send: async () => (await import('./commands/send.js')).sendCommand(),
  replay: async () => (await import('./commands/replay.js')).replayCommand(),
  route: async () => (await import('./commands/route.js')).routeCommand(),
  schema: async () => (await import('./commands/schema.js')).schemaCommand(),
  subscription: async () => (await import('./commands/subscription.js')).subscriptionCommand(),
  'dead-letters': async () => (await import('./commands/dead-letters.js')).deadLettersCommand(),
  query: async () => (await import('./commands/query.js')).queryCommand(),
  compact: async () => (await import('./commands/compact.js')).compactCommand(),
  audit: async () => (await import('./commands/audit.js')).auditCommand(),
  'batch-key': async () => (await import('./commands/batch-key.js')).batchKeyCommand(),
  namespace: async () => (await import('./commands/namespace.js')).namespaceCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
};

/**
 * Builds the CLI. Loading all commands takes most of a second, so when the first word names one, it alone is loaded.
 * @param first the first word after `headgate`
 */
async function createCli(first = ''): Promise<Command> {
  const cli = new Command('headgate')
    .description('Durable, multi-tenant event pipeline on Temporal.')
    .version(headgateVersion())
    .showHelpAfterError('(add --help for usage and examples)')
    // What follows a subcommand is the subcommand's, also where its parent has an option of the same name.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
State lives in HEADGATE_DATA_DIR (default .headgate); the API listens on HEADGATE_PORT (default 8080).

Examples:
  $ headgate demo --exit
  $ headgate start --tenants examples/flights/tenants
  $ headgate query UA "SELECT count(*) FROM events"`,
    );
  const named = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  for (const load of named ? [named] : Object.values(COMMANDS)) cli.addCommand(await load());
  return cli;
}

/** Runs the CLI. What Headgate refuses on purpose is one readable message and exit code 1; anything else is a bug and shows its stack. */
async function main(): Promise<void> {
  try {
    await (await createCli(process.argv[2])).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    if (error instanceof HeadgateError) process.stderr.write(`headgate: ${error.message} [${error.code}]\n`);
    else if (systemCodeOf(error) === 'ENOSPC')
      process.stderr.write(`headgate: The disk is full: ${messageOf(error)} [DISK_FULL]\n`);
    else
      process.stderr.write(
        `headgate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
    process.exitCode = 1;
  }
}

await main();

import { Command, CommanderError } from 'commander';
import { endOnBrokenPipe } from './commands/broken-pipe.js';
import { errorText } from './commands/error-text.js';
import { examplePath } from './commands/example-path.js';
import { headgateVersion } from './version.js';

/** How to load what each command says of itself, in the order that help shows them. What it does is loaded when it runs. */
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
 * Builds the CLI. When the first word names a command, it alone is loaded.
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
  $ headgate start --tenants ${examplePath('flights/tenants')}
  $ headgate query UA "SELECT count(*) FROM events"`,
    );
  const named = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  for (const load of named ? [named] : Object.values(COMMANDS)) cli.addCommand(await load());
  return cli;
}

/** Commands that have a log, which is where they warn. */
const ROLES = ['start', 'api', 'worker'];

async function warnOfUnknownVariables(): Promise<void> {
  const { unknownVariables } = await import('./config.js');
  for (const warning of unknownVariables()) process.stderr.write(`headgate: ${warning}\n`);
}

/** Commands whose files are the user's: what they write with `--out` is as readable as the user has it. */
const WRITE_FOR_USERS: ReadonlySet<string> = new Set(['query', 'dead-letters']);

/** Runs the CLI. An error is one readable message and exit code 1; one that nobody has thought of shows its stack. */
async function main(): Promise<void> {
  endOnBrokenPipe();
  // Files and directories of all that follows, Temporal's server included, are for this user alone: they hold events of
  // tenants, and literal secrets in their files.
  if (!WRITE_FOR_USERS.has(process.argv[2] ?? '')) process.umask(process.umask() | 0o077);
  try {
    const cli = await createCli(process.argv[2]);
    cli.hook('preAction', async (_, command) => {
      if (!ROLES.includes(command.name())) await warnOfUnknownVariables();
    });
    await cli.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    process.stderr.write(`headgate: ${errorText(error)}\n`);
    // A command that was ended by its reader keeps the code of that.
    process.exitCode ||= 1;
  }
}

await main();

import { Command, CommanderError } from 'commander';
import { auditCommand } from './commands/audit.js';
import { batchKeyCommand } from './commands/batch-key.js';
import { compactCommand } from './commands/compact.js';
import { deadLettersCommand } from './commands/dead-letters.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { queryCommand } from './commands/query.js';
import { replayCommand } from './commands/replay.js';
import { routeCommand } from './commands/route.js';
import { schemaCommand } from './commands/schema.js';
import { sendCommand } from './commands/send.js';
import { apiCommand, startCommand, workerCommand } from './commands/start.js';
import { subscriptionCommand } from './commands/subscription.js';
import { tenantCommand } from './commands/tenant.js';
import { tokenCommand } from './commands/token.js';
import { HeadgateError, messageOf, systemCodeOf } from './errors.js';
import { headgateVersion } from './version.js';

/** Builds the CLI with all its commands. */
function createCli(): Command {
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
  const commands = [
    startCommand,
    demoCommand,
    apiCommand,
    workerCommand,
    tenantCommand,
    tokenCommand,
    sendCommand,
    replayCommand,
    routeCommand,
    schemaCommand,
    subscriptionCommand,
    deadLettersCommand,
    queryCommand,
    compactCommand,
    auditCommand,
    batchKeyCommand,
    doctorCommand,
  ];
  for (const command of commands) cli.addCommand(command());
  return cli;
}

/** Runs the CLI. What Headgate refuses on purpose is one readable message and exit code 1; anything else is a bug and shows its stack. */
async function main(): Promise<void> {
  try {
    await createCli().parseAsync();
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

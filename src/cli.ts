import { CommanderError } from 'commander';
import { endOnBrokenPipe } from './commands/broken-pipe.js';
import { createCli } from './commands/create-cli.js';
import { errorText } from './commands/error-text.js';
import { printError } from './commands/terminal-text.js';

/** Commands that have a log, which is where they warn. */
const ROLES = ['start', 'api', 'worker'];

async function warnOfUnknownVariables(): Promise<void> {
  const { unknownVariables } = await import('./config.js');
  for (const { variable, nearest } of unknownVariables()) {
    const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
    printError(`headgate: ${variable} is not a setting, and is ignored.${hint}`);
  }
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
    printError(`headgate: ${errorText(error)}`);
    // A command that was ended by its reader keeps the code of that.
    process.exitCode ||= 1;
  }
}

await main();

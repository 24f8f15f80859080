import { spawn } from 'node:child_process';

/** npm's command; a batch file on Windows, which only a shell can start. */
export const NPM = { command: 'npm', shell: process.platform === 'win32' };

/** A command of the set-up that failed; carries what it printed. */
export class CommandFailed extends Error {
  constructor(commandLine, ending, output) {
    super(`\`${commandLine}\` ended with ${ending}:\n${output}`);
    this.name = 'CommandFailed';
  }
}

/**
 * Runs a command and keeps its output to itself.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, shell?: boolean }} options
 * @throws {CommandFailed} with the output, when it ends with anything but 0
 */
export function runQuietly(command, args, { cwd, env = process.env, shell = false }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new CommandFailed([command, ...args].join(' '), code ?? signal, output.trimEnd()));
    });
  });
}

/**
 * Runs a command on this process's own input and output, passes on SIGINT and SIGTERM, and gives its exit code, as a
 * shell would: 128 + n for signal n.
 * @returns {Promise<number>}
 */
export function runInFront(command, args, { cwd, env = process.env }) {
  const child = spawn(command, args, { cwd, env, stdio: 'inherit' });
  // A terminal sends Ctrl-C to the whole group, so the child has it already; this process only has to wait for it.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const onInterrupt = () => {
    if (!onTerminal) child.kill('SIGINT');
  };
  const onTerminate = () => child.kill('SIGTERM');
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      resolve(code ?? 128 + (signalNumbers[signal] ?? 0));
    });
  });
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

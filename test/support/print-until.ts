import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from './bundle.js';

/** When to end a process that prints a line for each thing it has done. */
export interface PrintLimits {
  /** Killed by SIGKILL once it has printed a number of lines. */
  readonly lines?: number;
  /** A limit on the size of its files, in kB: a disk that is full for this process alone. */
  readonly blocks?: number;
}

/** How it ended. */
export interface Printed {
  /** What it printed, whole lines only. */
  readonly lines: string[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs a TypeScript file as a process of its own until it ends or meets a limit. */
export async function printUntil(
  file: string,
  args: readonly string[],
  { lines = Infinity, blocks }: PrintLimits,
): Promise<Printed> {
  const command = `${blocks === undefined ? '' : `ulimit -f ${blocks};`} exec "$@"`;
  const script = await bundle(file);
  const child = spawn('bash', ['-c', command, 'bash', process.execPath, script, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  child.stdout.on('data', (text: Buffer) => {
    printed += text.toString();
    if (printed.split('\n').length > lines) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return {
    lines: printed.slice(0, printed.lastIndexOf('\n')).split('\n'),
    code: child.exitCode,
    signal: child.signalCode,
  };
}

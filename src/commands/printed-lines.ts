import type { LogFields, Logger } from '../platform/logger.js';
import { LOG_LINES, type LineId } from '../reference/log-lines/log-lines.js';
import { printError } from './terminal-text.js';

/** The log of a command that has none: what is wrong is printed for the person who runs it. */
export const printedLines: Pick<Logger, 'info' | 'warn' | 'error'> = {
  info: () => undefined,
  warn: printLine,
  error: printLine,
};

function printLine(id: LineId, { file, reason }: LogFields = {}): void {
  const about = file === undefined ? '' : `${String(file)}: `;
  printError(`${about}${LOG_LINES[id].phrase}\n${String(reason ?? '')}`);
}

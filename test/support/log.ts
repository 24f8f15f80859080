import { createLogger, type Logger, type LogLevel } from '../../src/platform/logger.js';

/** A line of the log, as JSON has it. */
interface LoggedLine extends Record<string, unknown> {
  readonly id: string;
  readonly level: number;
  readonly msg: string;
}

/** The log of a process, and what has been written to it. */
export function recordedLog(level: LogLevel = 'info'): {
  readonly log: Logger;
  readonly lines: LoggedLine[];
} {
  const lines: LoggedLine[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as LoggedLine);
  return { log: createLogger(level, { destination: { write } }), lines };
}

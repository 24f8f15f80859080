import type { Config } from '../config.js';
import { createLogger, type Logger, type LoggerOptions, type LogLevel } from '../platform/logger.js';

/** The log of a process that runs Headgate. pino-pretty is loaded only where it is used. */
export async function openLog(
  { logFormat = process.stderr.isTTY ? 'pretty' : 'json', color }: Pick<Config, 'logFormat' | 'color'>,
  level: LogLevel,
  onUnread?: LoggerOptions['onUnread'],
): Promise<Logger> {
  if (logFormat === 'json') return createLogger(level, { onUnread });
  const { prettyLines } = await import('../platform/pretty-lines.js');
  return createLogger(level, { onUnread, pretty: prettyLines(color) });
}

import { pino, type Logger } from 'pino';
import type { LogLevel } from '../config.js';

export type { Logger } from 'pino';

/**
 * The process's log: JSON lines on stderr, so that stdout stays free for what a command prints. Authorization headers
 * and tokens are cut out wherever they appear as fields.
 */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: undefined,
      // Temporal's SDK puts errors there; pino itself only looks at `err`.
      serializers: { error: pino.stdSerializers.err },
      redact: { paths: ['token', 'authorization', '*.authorization', '*.token'], censor: '[redacted]' },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}

import { pino, type Logger } from 'pino';
import { systemCodeOf } from '../errors.js';

export type { Logger } from 'pino';

/** Levels of the log, from most to least. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * The process's log: JSON lines on stderr, so that stdout stays free for what a command prints. Authorization headers
 * and tokens are cut out wherever they appear as fields.
 * @param onUnread called when its reader has gone
 */
export function createLogger(level: LogLevel, onUnread: () => void = () => {}): Logger {
  const destination = pino.destination({ dest: 2, sync: false });
  // pino itself writes nothing more then.
  destination.on('error', (error) => {
    if (systemCodeOf(error) === 'EPIPE') onUnread();
  });
  return pino(
    {
      level,
      base: undefined,
      // Temporal's SDK puts errors there; pino itself only looks at `err`.
      serializers: { error: pino.stdSerializers.err },
      redact: { paths: ['token', 'authorization', '*.authorization', '*.token'], censor: '[redacted]' },
    },
    destination,
  );
}

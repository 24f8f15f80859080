import type { Logger } from '../platform/logger.js';
import type { TracingSettings } from './settings.js';
import type { Tracing } from './tracing.js';

/** Opens tracing; the SDK is loaded here alone, and only where there are settings. */
export async function openTracing(
  settings: TracingSettings | undefined,
  log: Pick<Logger, 'warn' | 'info'>,
): Promise<Tracing | undefined> {
  if (settings === undefined) return undefined;
  const { createTracing } = await import('./sdk/create-tracing.js');
  return createTracing(settings, log);
}

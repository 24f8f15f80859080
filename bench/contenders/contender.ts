import { loadConfig, type Config } from '../../src/config.js';
import { createLogger, type Logger } from '../../src/platform/logger.js';
import { dataPaths } from '../../src/roles/stores.js';
import { openTenantRegistry } from '../../src/tenants/config/registry.js';
import { startApi, type Accept } from './api.js';
import { Deciding } from './deciding.js';
import { ParquetSink } from './parquet-sink.js';

/** Length of a load window of Headgate's, for alike files and freshness. */
const FLUSH_EVERY_MS = Number(process.env.BENCH_WINDOW_MS ?? 5_000);

/** What a contender's way of keeping events is built from. */
export interface Parts {
  readonly config: Config;
  readonly deciding: Deciding;
  readonly sink: ParquetSink;
  readonly log: Logger;
}

/** A contender's way of keeping events. */
export interface Keeping {
  readonly accept: Accept;
  /** Called when what had been added to the sink `mark` times ago is in Parquet; `mark` is what {@link Keeping.mark} gave. */
  readonly loaded?: (mark: number) => Promise<void>;
  /** Called before each flush of the sink. */
  readonly mark?: () => number;
  readonly close: () => Promise<void>;
}

/** Runs a contender until SIGTERM: Headgate's API, its rules and its Parquet files, around `open`'s way of keeping events. */
export async function runContender(open: (parts: Parts) => Promise<Keeping>): Promise<void> {
  const config = loadConfig();
  const log = createLogger(config.logLevel);
  const registry = await openTenantRegistry({ dir: dataPaths(config.dataDir).tenants, logger: log });
  const sink = new ParquetSink(config.dataDir);
  const keeping = await open({ config, deciding: new Deciding(registry), sink, log });
  const api = await startApi({ config, registry, accept: keeping.accept, log });
  const flushing = flushRegularly(sink, keeping);
  log.info('READY', { url: api.url, temporal: `127.0.0.1:${config.temporalPort}` });
  await new Promise((resolve) => process.once('SIGTERM', resolve));
  await api.close();
  await flushing.stop();
  await keeping.close();
  await sink.close();
  await registry.close();
}

function flushRegularly(sink: ParquetSink, keeping: Keeping): { stop: () => Promise<void> } {
  let stopped = false;
  let wake = (): void => undefined;
  const running = (async () => {
    while (!stopped) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, FLUSH_EVERY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      const mark = keeping.mark?.() ?? 0;
      await sink.flush();
      await keeping.loaded?.(mark);
    }
  })();
  const stop = (): Promise<void> => {
    stopped = true;
    wake();
    return running;
  };
  return { stop };
}

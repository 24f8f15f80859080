import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.js';
import { ensureTemporalBinary } from '../../src/temporal/dev-server/find-server.js';
import type { LoadTenant } from '../load/spec.js';
import { Child } from './child.js';
import { freePort } from './free-port.js';
import { processTree } from './processes.js';
import { keepTemporary, makeTemporary, removeTemporary } from './temporary.js';
import { tenantNames } from './tenants.js';
import { signTokens } from './tokens.js';

/** Something that takes events over HTTP and brings them into Parquet: Headgate, or a contender. */
export interface System {
  readonly name: string;
  readonly url: string;
  readonly tenants: readonly LoadTenant[];
  /** The directory above the tenants' Parquet directories. */
  readonly warehouse: string;
  readonly dataDir: string;
  /** `host:port` of its Temporal server, if it has one. */
  readonly temporal?: string;
  /** The ids of its processes now, by name: its own, and Temporal's. */
  processes(): Readonly<Record<string, readonly number[]>>;
  /** @throws Error when it has died */
  assertRunning(): void;
  /** Resolves when it has died, as `HEADGATE_FAULT` has told it to. */
  died(): Promise<void>;
  /** Ends its processes at once, whatever they do. */
  kill(): Promise<void>;
  /** Starts it again on its data, without `HEADGATE_FAULT`. */
  revive(): Promise<Revival>;
  /** Stops it and removes its data, unless that is to be looked at. */
  stop(keepData?: boolean): Promise<void>;
}

/** When a system was started again, and when it said that it was ready: milliseconds since the epoch. */
export interface Revival {
  readonly startedAt: number;
  readonly readyAt: number;
}

/** How to start a system. */
export interface SystemOptions {
  readonly name: string;
  /** How many tenants there are. */
  readonly tenants: number;
  /** Writes the tenants' files and gives the arguments to Node. */
  readonly prepare: (
    dataDir: string,
    tenants: readonly string[],
  ) => readonly string[] | Promise<readonly string[]>;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it runs a Temporal server. */
  readonly temporal: boolean;
}

/**
 * Starts a system on free ports and a data directory of its own, in the system's temporary directory.
 * @throws Error with the log's last lines when it does not come up
 */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { name } = options;
  const dataDir = makeTemporary();
  const tenants = tenantNames(options.tenants);
  const args = await options.prepare(dataDir, tenants);
  const { HEADGATE_FAULT, ...env } = { ...(await environment(dataDir)), ...options.env };
  const start = (more: NodeJS.ProcessEnv = {}): Child =>
    new Child({ name, args, env: { ...env, ...more }, logFile: join(dataDir, `${name}.log`) });
  let child = start(HEADGATE_FAULT === undefined ? {} : { HEADGATE_FAULT });
  const stop = async (keepData = false): Promise<void> => {
    await child.stop();
    if (keepData) keepTemporary(dataDir);
    else removeTemporary(dataDir);
  };
  try {
    let { url, temporal } = (await child.ready()) as unknown as Ready;
    const temporalPids = (): number[] => (options.temporal ? [temporalPidOf(dataDir)] : []);
    const revive = async (): Promise<Revival> => {
      const startedAt = Date.now();
      child = start();
      ({ url, temporal } = (await child.ready()) as unknown as Ready);
      return { startedAt, readyAt: Date.now() };
    };
    return {
      name,
      get url() {
        return url;
      },
      tenants: await signTokens(dataDir, tenants),
      warehouse: join(dataDir, 'warehouse'),
      dataDir,
      ...(options.temporal && { temporal }),
      processes: () => {
        const ofTemporal = temporalPids();
        return {
          [name]: processTree(child.pid).filter((pid) => !ofTemporal.includes(pid)),
          ...(options.temporal && { temporal: ofTemporal }),
        };
      },
      assertRunning: () => child.assertRunning(),
      died: () => child.exited,
      kill: async () => {
        const pids = temporalPids();
        await child.kill();
        // It may have ended with its parent.
        for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      },
      revive,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Ready {
  readonly url: string;
  readonly temporal: string;
}

/** Clean but for what finds programs: settings of the developer's own must not change what is measured. */
async function environment(dataDir: string): Promise<NodeJS.ProcessEnv> {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    NO_COLOR: '1',
    HEADGATE_DATA_DIR: dataDir,
    HEADGATE_PORT: '0',
    HEADGATE_TEMPORAL_PORT: String(await freePort()),
    HEADGATE_TEMPORAL_UI_PORT: String(await freePort()),
    HEADGATE_TEMPORAL_CLI: await temporalBinary(),
  };
}

/** The Temporal server that is measured with, found as Headgate finds it. */
export function temporalBinary(): Promise<string> {
  const { temporalCli, path, cacheDir } = loadConfig();
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  return ensureTemporalBinary({ env: { explicitPath: temporalCli, path }, cacheDir, onProgress });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Headgate's engine writes down beside the database which server it runs on it. */
function temporalPidOf(dataDir: string): number {
  const record = readFileSync(join(dataDir, 'temporal', 'temporal.db.server.json'), 'utf8');
  return (JSON.parse(record) as { server: { process: { pid: number } } }).server.process.pid;
}

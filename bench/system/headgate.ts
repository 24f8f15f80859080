import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSystem, type System } from './system.js';
import { writeTenantFiles, type TenantSettings } from './tenants.js';

const BIN = fileURLToPath(new URL('../../bin/headgate.mjs', import.meta.url));
/** As the first line of bin/headgate.mjs has it. */
const ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '524288',
  MALLOC_TRIM_THRESHOLD_: '4194304',
};

/** What a benchmark's Headgate has otherwise than by default. */
export interface HeadgateOptions extends TenantSettings {
  /** How many tenants there are. */
  readonly tenants: number;
  /** `HEADGATE_*` variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** A directory for CPU profiles of its threads, written when it ends; profiling costs some speed. */
  readonly cpuProfiles?: string;
}

/**
 * Starts the built Headgate, as `headgate start` does, with a Temporal of its own and everything else at its default.
 * @throws Error with the log's last lines when it does not come up
 */
export function startHeadgate(options: HeadgateOptions): Promise<System> {
  return startSystem({
    name: 'headgate',
    tenants: options.tenants,
    env: { ...ENVIRONMENT, ...options.env },
    temporal: true,
    prepare: (dataDir, tenants) => {
      const given = join(dataDir, 'given-tenants');
      writeTenantFiles(given, tenants, options);
      return [...profiling(options), BIN, 'start', '--tenants', given];
    },
  });
}

/** One whose tenants and data somebody else writes, before it starts. */
interface PreparedHeadgate {
  readonly env?: Readonly<Record<string, string>>;
  /** @param given where the files of tenants go */
  readonly prepare: (dataDir: string, given: string) => Promise<void>;
}

/** The same, with tenants of the caller's. */
export function startHeadgateWith({ env, prepare }: PreparedHeadgate): Promise<System> {
  return startSystem({
    name: 'headgate',
    tenants: 0,
    env: { ...ENVIRONMENT, ...env },
    temporal: true,
    prepare: async (dataDir) => {
      const given = join(dataDir, 'given-tenants');
      await prepare(dataDir, given);
      return [BIN, 'start', '--tenants', given];
    },
  });
}

function profiling({ cpuProfiles }: HeadgateOptions): string[] {
  return cpuProfiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${cpuProfiles}`];
}

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSystem, type System } from './system.js';
import { writeTenantFiles } from './tenants.js';

/** What Headgate is compared with; see the files under bench/contenders for what each does. */
export const CONTENDERS = ['limit', 'per-request', 'per-event'] as const;

/** One of {@link CONTENDERS}. */
export type ContenderName = (typeof CONTENDERS)[number];

const PROGRAMS: Readonly<Record<ContenderName, string>> = {
  limit: 'limit.ts',
  'per-request': 'engine.ts',
  'per-event': 'engine.ts',
};

/**
 * Starts a contender, with a Temporal of its own if it needs one, set up as Headgate's is.
 * @throws Error with the log's last lines when it does not come up
 */
export function startContender(
  name: ContenderName,
  { tenants, windowMs }: { readonly tenants: number; readonly windowMs: number },
): Promise<System> {
  return startSystem({
    name,
    tenants,
    env: { BENCH_WINDOW_MS: String(windowMs) },
    temporal: name !== 'limit',
    prepare: (dataDir, names) => {
      writeTenantFiles(join(dataDir, 'tenants'), names, {});
      const program = fileURLToPath(new URL(`../contenders/${PROGRAMS[name]}`, import.meta.url));
      return ['--import', 'tsx', program, name];
    },
  });
}

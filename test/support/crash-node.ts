import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { assertCurrent, assertOnceInFiles } from './exactly-once.js';
import { ownEnvironment, spawnHeadgate, type Finished, type HeadgateProcess } from './headgate.js';
import { startLoad, type Load, type LoadOptions } from './load.js';
import { until } from './until.js';
import { Workload, writeWorkloadTenant } from './workload.js';

type Env = Readonly<Record<string, string>>;

/** Seconds, on an idle machine: the next process gives back what a killed one held. */
const DRAINED_WITHIN_MS = 90_000;

/** A node that is made to crash and started again: one data directory, one port, one load over all its lives. */
export interface CrashNode {
  readonly dataDir: string;
  readonly url: string;
  readonly env: Env;
  readonly workloads: readonly Workload[];
  /** `headgate start` on the data directory; resolves when it is ready. */
  start(more?: Env): Promise<HeadgateProcess>;
  /** Starts a load of some workloads, of all by default. */
  load(options?: Partial<LoadOptions>, some?: readonly Workload[]): Load;
  /** Waits until the warehouse holds exactly what was sent, and the API says of every subject what it should. */
  drained(): Promise<void>;
  /** Stops a process by SIGTERM, and asserts that nothing was still on its way that doubles or changes anything. */
  stopped(node: HeadgateProcess): Promise<Finished>;
  /** Ends whatever still runs, and removes the data directory. */
  remove(): Promise<void>;
}

/**
 * Makes a data directory with three tenants of the workload, one of them dedicated.
 * @param more environment of every start, such as the address of a Temporal that outlives the node
 * @param config what the tenants' files say besides
 */
export async function createCrashNode(name: string, more: Env = {}, config: object = {}): Promise<CrashNode> {
  const dataDir = await mkdtemp(join(tmpdir(), `headgate-${name}-`));
  const port = await freePort();
  const env = { ...(await ownEnvironment(dataDir)), HEADGATE_PORT: String(port), ...more };
  const url = `http://127.0.0.1:${port}`;
  const tenants = { dedicated: 'dedicated', first: 'pooled', second: 'pooled' } as const;
  for (const [tenant, isolation] of Object.entries(tenants))
    writeWorkloadTenant(join(dataDir, 'tenants'), `${name}-${tenant}`, isolation, config);
  const workloads = Object.keys(tenants).map((tenant) => new Workload(`${name}-${tenant}`));
  const exactInFiles = async () => {
    for (const workload of workloads) await assertOnceInFiles(dataDir, workload);
  };
  const lives: HeadgateProcess[] = [];
  const loads: Load[] = [];

  return {
    dataDir,
    url,
    env,
    workloads,
    start: async (extra = {}) => {
      const node = spawnHeadgate(['start'], { ...env, ...extra });
      lives.push(node);
      await node.ready();
      return node;
    },
    load: (options = {}, some = workloads) => {
      const load = startLoad(some, { url: () => url, dataDir, ...options });
      loads.push(load);
      return load;
    },
    drained: async () => {
      await until(exactInFiles, DRAINED_WITHIN_MS);
      for (const workload of workloads) await assertCurrent(url, dataDir, workload);
    },
    stopped: async (node) => {
      const finished = await node.signal('SIGTERM');
      await exactInFiles();
      return finished;
    },
    remove: async () => {
      for (const load of loads) load.abandon();
      for (const node of lives) await node.signal('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

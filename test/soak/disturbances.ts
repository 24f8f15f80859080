import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serverStateOf } from '../../src/temporal/dev-server/server-record.js';
import type { HeadgateProcess } from '../support/headgate.js';
import type { Random } from '../support/random.js';

/** What can be done to a running node, and how often it has been done. */
export const DISTURBANCES = [
  'node killed',
  'Temporal killed',
  'both killed',
  'node told to stop',
  'node paused',
  'Temporal paused',
] as const;

/** One kind of disturbance. */
export type Disturbance = (typeof DISTURBANCES)[number];

/** A node that can be started again. */
export interface Disturbed {
  readonly dataDir: string;
  readonly node: HeadgateProcess;
  /** Starts the node again and resolves when it is ready. */
  restart(): Promise<void>;
}

const PAUSE_MS = [1_000, 6_000] as const;

/** Does one thing to the node or its Temporal, and waits until the node runs again. */
export async function disturb(kind: Disturbance, target: Disturbed, random: Random): Promise<void> {
  const pauseMs = random.between(...PAUSE_MS);
  const temporal = temporalPid(target.dataDir);
  switch (kind) {
    case 'node killed':
      await target.node.signal('SIGKILL');
      return target.restart();
    case 'node told to stop':
      await target.node.signal('SIGTERM');
      return target.restart();
    case 'both killed':
      send(temporal, 'SIGKILL');
      await target.node.signal('SIGKILL');
      return target.restart();
    case 'Temporal killed':
      return send(temporal, 'SIGKILL');
    case 'node paused':
      return paused(target.node.pid, pauseMs);
    case 'Temporal paused':
      return paused(temporal, pauseMs);
  }
}

async function paused(pid: number | undefined, pauseMs: number): Promise<void> {
  send(pid, 'SIGSTOP');
  await sleep(pauseMs);
  send(pid, 'SIGCONT');
}

/** Undefined while the node is bringing it back. */
function temporalPid(dataDir: string): number | undefined {
  const state = serverStateOf(join(dataDir, 'temporal', 'temporal.db'));
  return state.kind === 'none' ? undefined : state.server?.process.pid;
}

function send(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended unasked.
  }
}

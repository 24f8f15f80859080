import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/system/free-port.js';
import { until } from './until.js';

const HOLDER = fileURLToPath(new URL('./socket-holder.py', import.meta.url));
const BIN = fileURLToPath(new URL('../../bin/headgate.mjs', import.meta.url));
const ENDS_WITHIN_MS = 40_000;

/** Whether a socket can be held here: a program in Python does that, since one of Node's would take connections itself. */
export const canHoldSocket = spawnSync('python3', ['--version']).status === 0;

/** A socket that listens, whether a node is there that takes its connections or not. */
export interface HeldSocket {
  readonly url: string;
  /** Starts a node on it, and gives its process. */
  start(): Promise<number>;
  /** Ends a node, and waits until it is gone. */
  end(pid: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Ends what runs, and closes it. */
  close(): Promise<void>;
}

/** Opens a socket for nodes of an environment. */
export async function holdSocket(env: Readonly<Record<string, string>>): Promise<HeldSocket> {
  const port = await freePort();
  const holder = spawn('python3', [HOLDER, String(port), process.execPath, BIN, 'start'], {
    env: { ...process.env, ...env, HEADGATE_PORT: String(port) },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: holder.stdout });
  await once(lines, 'line');
  const pids = new Set<number>();
  const end: HeldSocket['end'] = async (pid, signal) => {
    process.kill(pid, signal);
    await until(() => assertGone(pid), ENDS_WITHIN_MS);
    pids.delete(pid);
  };
  return {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      holder.stdin.write('start\n');
      // The node writes to the same output: its lines are JSON.
      for (;;) {
        const [line] = (await once(lines, 'line')) as [string];
        if (!/^\d+$/.test(line)) continue;
        pids.add(Number(line));
        return Number(line);
      }
    },
    end,
    close: async () => {
      for (const pid of pids) await end(pid, 'SIGKILL').catch(() => undefined);
      holder.stdin.end();
      holder.kill();
    },
  };
}

function assertGone(pid: number): void {
  try {
    process.kill(pid, 0);
  } catch {
    return;
  }
  throw new Error(`Process ${pid} is there still.`);
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { readProcess } from '../system/processes.js';

const BIN = fileURLToPath(new URL('../../bin/headgate.mjs', import.meta.url));
/** Short, since the last look misses what a process takes after it. */
const LOOK_EVERY_MS = 10;

/** What a command took, from its start to its end. */
export interface CommandRun {
  readonly seconds: number;
  /** Processor time, user and system, up to the last look; 0 where processes cannot be read. */
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
  readonly stdout: string;
}

/**
 * Runs a command of the CLI as a user would.
 * @throws Error when it fails
 */
export async function runCommand(args: readonly string[], dataDir: string): Promise<CommandRun> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...process.env, HEADGATE_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [cpuSeconds, peakRss] = [0, 0];
  const looking = setInterval(() => {
    const reading = child.pid === undefined ? undefined : readProcess(child.pid);
    cpuSeconds = Math.max(cpuSeconds, reading?.cpuSeconds ?? 0);
    peakRss = Math.max(peakRss, reading?.rssBytes ?? 0);
  }, LOOK_EVERY_MS);
  try {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    const seconds = (performance.now() - startedAt) / 1000;
    if (code !== 0) throw new Error(`headgate ${args[0]} ended with ${code}: ${stderr.trim()}`);
    return { seconds, cpuSeconds, peakRssMb: Math.round(peakRss / 1_000_000), stdout };
  } finally {
    clearInterval(looking);
  }
}

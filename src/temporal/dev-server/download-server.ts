import { fork } from 'node:child_process';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DownloadOutcome } from './download-process.js';
import { SECOND_MS } from '../../platform/time.js';

const MEGABYTE = 1024 * 1024;

/** A download of Temporal's CLI. */
export interface DownloadJob {
  /** Where the binary is to be; its folder must exist. */
  readonly target: string;
  /** Release without `v`. */
  readonly version: string;
  readonly onProgress: (message: string) => void;
  readonly signal?: AbortSignal;
  /**
   * Milliseconds without a byte after which the download is given up. Default 20,000: a network that drops packets
   * instead of refusing them must not hold up the start for long, and a slow one must be let finish.
   */
  readonly stallMs?: number;
}

/**
 * Downloads Temporal's CLI through @temporalio/testing and moves it into place.
 * @throws Error when the network, the download or its first start fails, or nothing arrives for `stallMs`
 */
export async function downloadServer(job: DownloadJob): Promise<void> {
  const folder = await mkdtemp(join(dirname(job.target), 'download-'));
  job.onProgress(`downloading Temporal's server ${job.version} once; later starts use the cached one`);
  try {
    await runDownload(folder, job);
    await rename(await largestFile(folder), job.target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * In a process of its own, since the SDK's download can neither be cancelled nor limited in time, and would leave its
 * Runtime behind in this one.
 */
async function runDownload(folder: string, job: DownloadJob): Promise<void> {
  const extension = extname(fileURLToPath(import.meta.url));
  const script = fileURLToPath(new URL(`./download-process${extension}`, import.meta.url));
  const child = fork(script, [folder, `v${job.version}`], {
    // Run from source (in tests), the child needs the same loader.
    execArgv: extension === '.ts' ? ['--import', 'tsx'] : [],
    signal: job.signal,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const watch = watchGrowth(folder, job, () => child.kill('SIGKILL'));
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('message', (outcome: DownloadOutcome) => {
        if (outcome.ok) resolve();
        else reject(new Error(outcome.message));
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        reject(new Error(watch.stalled() ?? `the download ended with ${code ?? signal}`));
      });
    });
  } finally {
    watch.stop();
    child.kill('SIGKILL');
  }
}

/** Calls `onStall` when the files in `folder` have not grown for the job's `stallMs`; tells how far it is meanwhile. */
function watchGrowth(
  folder: string,
  { onProgress, stallMs = 20 * SECOND_MS }: DownloadJob,
  onStall: () => void,
) {
  let bytes = 0;
  let grewAt = performance.now();
  let toldAt = grewAt;
  let stalled: string | undefined;
  const look = async () => {
    const now = performance.now();
    const size = await sizeOf(folder);
    if (size !== bytes) [bytes, grewAt] = [size, now];
    if (now - grewAt >= stallMs) {
      stalled = `nothing arrived for ${Math.round(stallMs / SECOND_MS)} s`;
      onStall();
    } else if (bytes > 0 && now - toldAt > 5 * SECOND_MS) {
      toldAt = now;
      onProgress(`downloading Temporal's server: ${Math.round(bytes / MEGABYTE)} MB so far`);
    }
  };
  const timer = setInterval(() => void look(), Math.min(SECOND_MS, stallMs));
  return { stalled: () => stalled, stop: () => clearInterval(timer) };
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = await Promise.all((await filesIn(folder)).map((file) => file.size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The binary is the only big file there; its name is the SDK's business. */
async function largestFile(folder: string): Promise<string> {
  const [largest] = (await filesIn(folder)).sort((a, b) => b.size - a.size);
  if (largest === undefined) throw new Error('the download left no file');
  return largest.path;
}

async function filesIn(folder: string): Promise<{ path: string; size: number }[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.map(async (name) => {
    const path = join(folder, name);
    // A file may be renamed between the two looks.
    const info = await stat(path).catch(() => undefined);
    return info?.isFile() === true ? [{ path, size: info.size }] : [];
  });
  return (await Promise.all(files)).flat();
}

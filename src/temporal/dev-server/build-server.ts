import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { executableName } from './executables.js';
import { SECOND_MS } from '../../platform/time.js';

/** Lines of the compiler's output kept for the error message. */
const TAIL_LINES = 8;

/** A build of Temporal's CLI. */
export interface BuildJob {
  /** The Go command. */
  readonly go: string;
  /** Where the binary is to be; its folder must exist. */
  readonly target: string;
  /** Release without `v`. */
  readonly version: string;
  readonly onProgress: (message: string) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds between lines of progress. Default 15,000. */
  readonly progressEveryMs?: number;
}

/**
 * Builds Temporal's CLI with Go in a folder of its own and moves the binary into place, so that nobody ever sees half
 * of one and builds at the same time do not disturb each other.
 * @throws Error with the compiler's last lines
 */
export async function buildServer(job: BuildJob): Promise<void> {
  const folder = await mkdtemp(join(dirname(job.target), 'build-'));
  const progress = reportProgress(job);
  try {
    await goInstall(job, folder, progress.onLine);
    await mkdir(dirname(job.target), { recursive: true });
    await rename(join(folder, executableName('temporal')), job.target);
    job.onProgress(`built Temporal's server in ${progress.elapsed()}: ${job.target}`);
  } finally {
    progress.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function goInstall(job: BuildJob, folder: string, onLine: (line: string) => void): Promise<void> {
  const args = [
    'install',
    '-v',
    '-ldflags',
    '-s -w',
    `github.com/temporalio/cli/cmd/temporal@v${job.version}`,
  ];
  // The compiler gets the whole environment of this process (proxies, module caches), not settings of ours.
  // eslint-disable-next-line no-restricted-syntax
  const env = { ...process.env, CGO_ENABLED: '0', GOBIN: folder };
  const child = spawn(job.go, args, {
    cwd: folder,
    env,
    signal: job.signal,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    onLine(line);
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`\`go ${args.join(' ')}\` ended with ${code ?? signal}:\n    ${tail.join('\n    ')}`),
        );
    });
  });
}

/** Says why this takes long, and every so often how long it has taken and what is being compiled. */
function reportProgress({ onProgress, progressEveryMs = 15 * SECOND_MS }: BuildJob) {
  const start = performance.now();
  const elapsed = () => formatElapsed(performance.now() - start);
  let latest = 'starting';
  onProgress("building Temporal's server once, about 9 minutes on 2 cores; later starts use the cached one");
  const timer = setInterval(
    () => onProgress(`building Temporal's server: ${elapsed()} so far, ${latest}`),
    progressEveryMs,
  );
  const onLine = (line: string) => {
    latest = line.startsWith('go: ') ? line.slice('go: '.length) : `compiling ${line}`;
  };
  return { onLine, elapsed, stop: () => clearInterval(timer) };
}

function formatElapsed(ms: number): string {
  const seconds = Math.round(ms / SECOND_MS);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
}

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HeadgateError, messageOf } from '../../errors.js';
import { describeOwner, lockFile } from '../../platform/file-lock.js';
import { buildServer } from './build-server.js';
import { downloadServer } from './download-server.js';
import { executableName, findOnPath, isExecutable } from './executables.js';

/**
 * The release of Temporal's CLI that is fetched or built: server 1.29.1 with UI 2.42.1. The newest whose module can be
 * built by `go install`; later ones carry a `replace` that it refuses.
 */
const TEMPORAL_CLI_VERSION = '1.5.1';

/** Where a server binary came from. */
type BinarySource = 'HEADGATE_TEMPORAL_CLI' | 'PATH' | 'cache';

/** A server binary that is there already. */
export interface FoundBinary {
  readonly path: string;
  readonly source: BinarySource;
}

/** Where to look for Temporal's server, and whom to tell. */
export interface FindServerOptions {
  readonly env: {
    /** `HEADGATE_TEMPORAL_CLI`: this binary and no other. */
    readonly explicitPath?: string;
    /** `PATH`, searched for `temporal` and for `go`. */
    readonly path: string;
  };
  /** Headgate's folder in the user's cache; the binary is kept at `temporal/<version>/temporal` below it. */
  readonly cacheDir: string;
  /** Called with one line of text at every step that takes time. */
  readonly onProgress?: (message: string) => void;
  /** Ends a download or build in progress. */
  readonly signal?: AbortSignal;
}

/** The ways of getting a binary that is not there yet; replaced in tests. */
export interface ServerSuppliers {
  readonly download: typeof downloadServer;
  readonly build: typeof buildServer;
}

/** Where the binary is kept in the cache. */
export function cachedBinaryPath(cacheDir: string): string {
  return join(cacheDir, 'temporal', TEMPORAL_CLI_VERSION, executableName('temporal'));
}

/**
 * Looks for a server binary without fetching or building one: the explicit path, `temporal` on PATH, the cache.
 * @throws HeadgateError `TEMPORAL_NOT_FOUND`: the explicit path is not an executable file
 */
export async function findTemporalBinary(options: FindServerOptions): Promise<FoundBinary | undefined> {
  const { explicitPath, path } = options.env;
  if (explicitPath !== undefined) {
    if (await isExecutable(explicitPath)) return { path: explicitPath, source: 'HEADGATE_TEMPORAL_CLI' };
    throw new HeadgateError(
      'TEMPORAL_NOT_FOUND',
      `HEADGATE_TEMPORAL_CLI names "${explicitPath}", which is not an executable file. Correct it, or unset it to let Headgate find Temporal's server.`,
    );
  }
  const onPath = await findOnPath('temporal', path);
  if (onPath !== undefined) return { path: onPath, source: 'PATH' };
  const cached = cachedBinaryPath(options.cacheDir);
  return (await isExecutable(cached)) ? { path: cached, source: 'cache' } : undefined;
}

/**
 * Gives the path of Temporal's CLI, whose development server Headgate runs when it is pointed at no other Temporal.
 * In this order: the explicit path; `temporal` on PATH; the cache; a download into the cache; a build into the cache
 * where Go is there. The last two happen once per user, and one process at a time.
 * @throws HeadgateError `TEMPORAL_NOT_FOUND`, listing what was tried and what to do
 */
export async function ensureTemporalBinary(
  options: FindServerOptions,
  suppliers: ServerSuppliers = { download: downloadServer, build: buildServer },
): Promise<string> {
  const found = await findTemporalBinary(options);
  if (found !== undefined) return found.path;
  const target = cachedBinaryPath(options.cacheDir);
  await mkdir(dirname(target), { recursive: true });
  const onWait = () =>
    options.onProgress?.("another Headgate process is getting Temporal's server; waiting for it");
  const lock = await lockFile(`${target}.lock`, {
    waitMs: Number.POSITIVE_INFINITY,
    onWait,
    signal: options.signal,
    held: (owner) => new Error(`${target} is being made by ${describeOwner(owner)}`),
  });
  try {
    if (!(await isExecutable(target))) await supply(target, options, suppliers);
    return target;
  } finally {
    lock.release();
  }
}

/** Downloads the binary to `target`, or builds it there. */
async function supply(
  target: string,
  { env, onProgress = () => {}, signal }: FindServerOptions,
  suppliers: ServerSuppliers,
): Promise<void> {
  const tried = ['there is no `temporal` on PATH', `there is none in the cache (${target})`];
  const job = { target, version: TEMPORAL_CLI_VERSION, onProgress, signal };
  try {
    return await suppliers.download(job);
  } catch (error) {
    signal?.throwIfAborted();
    tried.push(`the download failed: ${messageOf(error)}`);
  }
  const go = await findOnPath('go', env.path);
  if (go === undefined) {
    tried.push('there is no `go` on PATH to build it with');
    throw notFound(tried);
  }
  onProgress("Temporal's server cannot be downloaded here, so it is built from source with Go");
  try {
    await suppliers.build({ ...job, go });
  } catch (error) {
    signal?.throwIfAborted();
    tried.push(`the build failed: ${messageOf(error)}`);
    throw notFound(tried);
  }
}

function notFound(tried: readonly string[]): HeadgateError {
  const lines = [
    "Temporal's server was not found and could not be fetched:",
    ...tried.map((each) => `  - ${each}`),
    'One of these helps:',
    '  - install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on PATH',
    '  - set HEADGATE_TEMPORAL_CLI to the path of a `temporal` binary',
    '  - install Go (https://go.dev/dl), and Headgate builds it',
    '  - set TEMPORAL_ADDRESS to a Temporal that runs elsewhere',
  ];
  return new HeadgateError('TEMPORAL_NOT_FOUND', lines.join('\n'), { details: { tried } });
}

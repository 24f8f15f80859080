import { execFile } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { temporalBinary } from '../system/system.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Magic numbers of statfs(2) for the file systems met most. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext2/3/4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlayfs',
};

/** The machine the benchmark runs on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly platform: string;
  readonly kernel: string;
  /** Of the directory that the data directories are made in. On tmpfs a flush to disk costs nothing. */
  readonly fileSystem: string;
  readonly loadAverageAtStart: number;
}

/** Describes this machine. */
export function describeMachine(): Machine {
  const cpus = os.cpus();
  const type = statfsSync(os.tmpdir()).type;
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGb: Math.round(os.totalmem() / 1024 ** 3),
    platform: `${os.platform()} ${os.arch()}`,
    kernel: os.release(),
    fileSystem: FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`,
    loadAverageAtStart: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** What was measured, exactly. */
export interface Versions {
  /** Commit, with `-dirty` when the work tree differs from it; undefined outside a repository. */
  readonly headgate?: string;
  readonly temporal: string;
  readonly node: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Finds the versions of everything that takes part. */
export async function findVersions(): Promise<Versions> {
  const { dependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return {
    headgate: await outputOf('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*']),
    temporal: (await outputOf(await temporalBinary(), ['--version'])) ?? 'unknown',
    node: process.version,
    dependencies: Object.fromEntries(Object.keys(dependencies).map((name) => [name, installedVersion(name)])),
  };
}

function installedVersion(name: string): string {
  const text = readFileSync(`${ROOT}node_modules/${name}/package.json`, 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(command, args, { cwd: ROOT })).stdout.trim();
  } catch {
    return undefined;
  }
}

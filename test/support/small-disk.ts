import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'mocha';

const FILLER = 'filled-by-another-program';
const BLOCK = Buffer.alloc(64 * 1024, 1);
const PAGE_BYTES = 4096;

/** A real file system of a few megabytes (tmpfs), for what happens when a disk is full. */
export interface SmallDisk {
  readonly path: string;
  /** Writes until nothing more fits, as another program would. */
  fill(): void;
  /** Deletes what {@link fill} has written. */
  makeRoom(): void;
  /** Gives the disk another size. */
  resize(megabytes: number): void;
  /** Takes it and its directory away, whatever is on it. */
  unmount(): void;
}

/** Mounts a small disk at a directory, which is made if need be. Throws where that is not allowed. */
export function mountSmallDisk(path: string, megabytes: number): SmallDisk {
  mkdirSync(path, { recursive: true });
  mount(['-o', `size=${megabytes}m`, 'tmpfs', path]);
  const filler = join(path, FILLER);
  return {
    path,
    fill: () => fill(filler),
    makeRoom: () => rmSync(filler, { force: true }),
    resize: (size) => mount(['-o', `remount,size=${size}m`, path]),
    // Lazily: what a test has left open must not keep the others from running.
    unmount: () => {
      execFileSync('umount', ['--lazy', path]);
      rmdirSync(path);
    },
  };
}

/** A new empty directory to mount at. */
export function newMountPoint(): string {
  return mkdtempSync(join(tmpdir(), 'headgate-disk-'));
}

/** Skips the suite, saying why in a line, where no file system can be mounted. To be called in a `before` hook. */
export function skipWithoutMounts(context: Context): void {
  try {
    mountSmallDisk(newMountPoint(), 1).unmount();
  } catch (error) {
    const reason = String((error as { stderr?: unknown }).stderr ?? error).split('\n')[0];
    console.log(`    skipped, since no small disk can be mounted here: ${reason}`);
    context.skip();
  }
}

function mount(args: readonly string[]): void {
  if (!existsSync('/proc/mounts')) throw new Error('not Linux');
  execFileSync('mount', ['-t', 'tmpfs', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}

function fill(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (let size = BLOCK.length; size >= PAGE_BYTES;) {
      try {
        writeSync(file, BLOCK, 0, size);
      } catch {
        size /= 2;
      }
    }
  } finally {
    closeSync(file);
  }
}

import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

const LOOK_EVERY_MS = 1_000;
/** An admitted byte is written to the spool, to a batch file and to Parquet, and in the usual case all three are on one disk. */
const WRITTEN_PER_ADMITTED = 3;

/** The disk of a directory, as last looked at. */
export interface WatchedDisk {
  /** What the directory is for: `spool`, `batches`, … */
  readonly name: string;
  readonly freeBytes: number;
  /** True when it has less than the bytes that are to stay free. */
  readonly short: boolean;
}

/** What a {@link DiskWatch} needs. */
export interface DiskWatchOptions<Name extends string> {
  /** Directories by name; each may be on a disk of its own, and need not exist yet. */
  readonly directories: Readonly<Record<Name, string>>;
  /** Bytes that are to stay free on each disk. */
  readonly minFreeBytes: number;
  /** Told when a disk has become short of room, and when it has room again. */
  readonly onChange?: (disk: WatchedDisk) => void;
  /** Milliseconds of a clock that only goes forward. Default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Watches the disks that events are on their way to. Looks at them once a second at most, while somebody asks; between
 * two looks it takes off what has been admitted since, so that a second's worth of requests cannot overrun the reserve.
 */
export class DiskWatch<Name extends string> {
  private readonly free = new Map<string, number>();
  private readonly short = new Set<string>();
  private lookedAt = Number.NEGATIVE_INFINITY;
  private admittedSince = 0;

  constructor(private readonly options: DiskWatchOptions<Name>) {}

  /** Free bytes on the disk of a directory, at most as many as there are. */
  freeBytes(name: Name): number {
    const now = this.options.now?.() ?? performance.now();
    if (now - this.lookedAt >= LOOK_EVERY_MS) this.look(now);
    return (this.free.get(name) ?? 0) - this.admittedSince * WRITTEN_PER_ADMITTED;
  }

  /** Counts bytes of requests that have been admitted. */
  admitted(bytes: number): void {
    this.admittedSince += bytes;
  }

  private look(now: number): void {
    this.lookedAt = now;
    this.admittedSince = 0;
    for (const [name, directory] of Object.entries<string>(this.options.directories)) {
      const { bavail, bsize } = statfsSync(existing(directory));
      const freeBytes = bavail * bsize;
      this.free.set(name, freeBytes);
      const short = freeBytes < this.options.minFreeBytes;
      if (short === this.short.has(name)) continue;
      if (short) this.short.add(name);
      else this.short.delete(name);
      this.options.onChange?.({ name, freeBytes, short });
    }
  }
}

/** The directory, or the nearest above it that is there. */
function existing(directory: string): string {
  let path = directory;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  return path;
}

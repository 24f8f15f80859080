import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK_BYTES = 512;
const SAMPLE_EVERY_MS = 2_000;
const MB = 1_000_000;

/** What the directories of a data directory take on disk at one moment, in megabytes. */
export interface DiskSample {
  /** Seconds since the start of the measurement. */
  readonly at: number;
  readonly mb: Readonly<Record<string, number>>;
}

/** Looks every two seconds how much each directory of a data directory takes. */
export class DiskMeter {
  readonly samples: DiskSample[] = [];
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly dataDir: string) {
    this.sample();
    this.timer = setInterval(() => this.sample(), SAMPLE_EVERY_MS);
  }

  /** Ends the measurement. */
  stop(): readonly DiskSample[] {
    clearInterval(this.timer);
    this.sample();
    return this.samples;
  }

  private sample(): void {
    const mb: Record<string, number> = {};
    for (const entry of readdirSync(this.dataDir, { withFileTypes: true }))
      if (entry.isDirectory()) mb[entry.name] = Math.round(allocated(join(this.dataDir, entry.name)) / MB);
    this.samples.push({ at: Math.round((performance.now() - this.startedAt) / 100) / 10, mb });
  }
}

/** Bytes allocated below a path; a file that vanishes meanwhile counts nothing. */
function allocated(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.blocks * BLOCK_BYTES;
  let bytes = 0;
  try {
    for (const name of readdirSync(path)) bytes += allocated(join(path, name));
  } catch {
    // The directory has vanished.
  }
  return bytes;
}

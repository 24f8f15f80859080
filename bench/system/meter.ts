import { HAS_PROC, readProcess, type ProcessReading } from './processes.js';

const SAMPLE_EVERY_MS = 500;
const MB = 1_000_000;

/** What a group of processes took between the start and the end of a measurement; null where it cannot be read. */
export interface Usage {
  readonly cpuSeconds: number | null;
  readonly writtenBytes: number | null;
  /** The most that was resident at once in any sample, mapped files included, and without them. */
  readonly peakRssBytes: number | null;
  readonly peakAnonymousBytes: number | null;
}

/** What each group has in memory at one moment. */
export interface MemorySample {
  /** Seconds since the start of the measurement. */
  readonly at: number;
  /** Resident megabytes, mapped files included. */
  readonly rssMb: Readonly<Record<string, number>>;
  readonly anonymousMb: Readonly<Record<string, number>>;
}

interface Seen {
  readonly first: ProcessReading;
  last: ProcessReading;
}

interface Group {
  readonly seen: Map<number, Seen>;
  peakRss: number;
  peakAnonymous: number;
}

/** Measures groups of processes, sampling twice a second from its making to {@link stop}. */
export class Meter {
  readonly samples: MemorySample[] = [];
  private readonly groups = new Map<string, Group>();
  private readonly startedAt = performance.now();
  private readonly timer: NodeJS.Timeout;

  /** @param processes the ids of each group's processes now; new ones count from when they are first seen */
  constructor(private readonly processes: () => Readonly<Record<string, readonly number[]>>) {
    this.sample();
    this.timer = setInterval(() => this.sample(), SAMPLE_EVERY_MS);
  }

  /** Ends the measurement. */
  stop(): Record<string, Usage> {
    clearInterval(this.timer);
    this.sample();
    return Object.fromEntries([...this.groups].map(([name, group]) => [name, usageOf(group)]));
  }

  private sample(): void {
    const rssMb: Record<string, number> = {};
    const anonymousMb: Record<string, number> = {};
    for (const [name, pids] of Object.entries(this.processes())) {
      const group = this.groups.get(name) ?? { seen: new Map(), peakRss: 0, peakAnonymous: 0 };
      this.groups.set(name, group);
      const { rss, anonymous } = sampleGroup(group, pids);
      rssMb[name] = Math.round(rss / MB);
      anonymousMb[name] = Math.round(anonymous / MB);
    }
    const at = Math.round((performance.now() - this.startedAt) / 100) / 10;
    this.samples.push({ at, rssMb, anonymousMb });
  }
}

function sampleGroup(group: Group, pids: readonly number[]): { rss: number; anonymous: number } {
  let rss = 0;
  let anonymous = 0;
  for (const pid of pids) {
    const reading = readProcess(pid);
    if (reading === undefined) continue;
    const seen = group.seen.get(pid);
    if (seen === undefined) group.seen.set(pid, { first: reading, last: reading });
    else seen.last = reading;
    rss += reading.rssBytes;
    anonymous += reading.anonymousBytes;
  }
  group.peakRss = Math.max(group.peakRss, rss);
  group.peakAnonymous = Math.max(group.peakAnonymous, anonymous);
  return { rss, anonymous };
}

function usageOf(group: Group): Usage {
  if (!HAS_PROC)
    return { cpuSeconds: null, writtenBytes: null, peakRssBytes: null, peakAnonymousBytes: null };
  let cpuSeconds = 0;
  let writtenBytes = 0;
  for (const { first, last } of group.seen.values()) {
    cpuSeconds += last.cpuSeconds - first.cpuSeconds;
    writtenBytes += last.writtenBytes - first.writtenBytes;
  }
  return {
    cpuSeconds: Math.round(cpuSeconds * 100) / 100,
    writtenBytes,
    peakRssBytes: group.peakRss,
    peakAnonymousBytes: group.peakAnonymous,
  };
}

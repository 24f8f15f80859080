import { STREAMS } from '../../../events/event.js';
import { LOAD_JOBS } from '../../../stores/warehouse/load-quotas.js';
import type { WindowSize } from '../../../workflows/messages/batches.js';

const DAY_SECONDS = 24 * 60 * 60;
/** What windows are planned to use of a quota; the rest is for windows that are full early, late batches and jobs that fail. */
const SAFETY_SHARE = 0.9;

/** A window is a job for each stream that has batches, so at most one for each stream there is. */
const WINDOWS_PER_SECOND = ((LOAD_JOBS.perProject / DAY_SECONDS) * SAFETY_SHARE) / STREAMS.length;
/** 1,234 a day: a window of the shortest length that may be configured would be 1,440, too near to the quota of a table. */
const SHORTEST_MS = 70_000;
/** However many tenants a project has, no window gets longer than this; with more than 1,250 the budget holds loads back. */
const LONGEST_MS = 60 * 60 * 1000;

/** A tenant counts as active for this many of its windows. */
const ACTIVE_WINDOWS = 3;
/** The shortest window, so often, is longer than the longest. */
const MOST = 64;
/** A window that has become shorter gets longer again only when that would leave this much room in it. */
const ROOM = 1.5;

/**
 * A window of BigQuery is full at this. At 40,000 events/s, some 5 MB gzipped, the bytes are there after 100 s: 860 loads a
 * day of the 1,500 that a table takes, where the default would make 7,000. A thousand batches are 500 signals or some more,
 * each of four events in the window's history, and an activity's input of 0.2 MB: Temporal takes 51,200 and 2 MB.
 */
export const FULL_OF_JOBS: WindowSize = { batches: 1_000, bytes: 512 * 1024 * 1024 };

/** Batches that are announced to a window in one project. */
interface ProjectAnnouncement {
  readonly project: string;
  readonly tenant: string;
  /** The length of the tenant's windows as configured. */
  readonly configuredMs: number;
  /** How much is announced. */
  readonly size: WindowSize;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The length of the window that batches are announced to, in milliseconds. */
export type ProjectWindowLength = (announcement: ProjectAnnouncement) => number;

/**
 * BigQuery's load jobs are counted by project, and its tenants share them. While their windows, as configured, would be
 * more than the project takes in a day, the windows of all of them get longer by the same factor: nobody's freshness
 * pays for another's. The factor is a power of two, so that windows change their length rarely. Other projects, and
 * tenants with another warehouse, neither count nor notice.
 *
 * A tenant that would fill its window before it closes gets shorter ones instead, as long as it takes to fill one: fewer
 * loads than if each window had a rest to load as well, and no window's history grows without bounds.
 */
export function createProjectWindowLength(): ProjectWindowLength {
  const projects = new Map<string, ProjectWindows>();

  return (announcement) => {
    const { project } = announcement;
    let windows = projects.get(project);
    if (windows === undefined) projects.set(project, (windows = new ProjectWindows()));
    return windows.lengthFor(announcement);
  };
}

/** A tenant that has announced a batch not long ago. */
interface Active {
  readonly fill: FillTime;
  wantedMs: number;
  /** Into how many its window is divided. */
  parts: number;
  until: number;
}

class ProjectWindows {
  private readonly active = new Map<string, Active>();
  /** How many active tenants want windows of which length: there are few lengths, however many tenants. */
  private readonly wanted = new Map<number, number>();
  private sweptAt = 0;

  lengthFor({ tenant, configuredMs, size, now }: ProjectAnnouncement): number {
    if (now - this.sweptAt > 1_000) this.sweep(now);
    const active = this.activeOf(tenant, Math.max(configuredMs, SHORTEST_MS), now);
    active.fill.add(size, now);
    const windowMs = stretched(active.wantedMs, this.factor());
    active.until = now + ACTIVE_WINDOWS * windowMs;
    active.parts = partsFor(windowMs, active.fill.ms, active.parts);
    return Math.round(windowMs / active.parts);
  }

  private activeOf(tenant: string, wantedMs: number, now: number): Active {
    let active = this.active.get(tenant);
    if (active === undefined) {
      active = { fill: new FillTime(FULL_OF_JOBS, now), wantedMs, parts: 1, until: now };
      this.active.set(tenant, active);
      this.want(wantedMs, 1);
    } else if (active.wantedMs !== wantedMs) {
      this.want(active.wantedMs, -1);
      this.want(wantedMs, 1);
      active.wantedMs = wantedMs;
    }
    return active;
  }

  private factor(): number {
    let factor = 1;
    while (factor < MOST && this.perSecond(factor) > WINDOWS_PER_SECOND) factor *= 2;
    return factor;
  }

  private perSecond(factor: number): number {
    let perSecond = 0;
    for (const [wantedMs, tenants] of this.wanted)
      perSecond += (1000 * tenants) / stretched(wantedMs, factor);
    return perSecond;
  }

  private want(wantedMs: number, more: number): void {
    const tenants = (this.wanted.get(wantedMs) ?? 0) + more;
    if (tenants > 0) this.wanted.set(wantedMs, tenants);
    else this.wanted.delete(wantedMs);
  }

  private sweep(now: number): void {
    for (const [tenant, { until, wantedMs }] of this.active) {
      if (until > now) continue;
      this.active.delete(tenant);
      this.want(wantedMs, -1);
    }
    this.sweptAt = now;
  }
}

/** One that is configured to be longer than the longest stays as it is. */
function stretched(wantedMs: number, factor: number): number {
  return Math.max(wantedMs, Math.min(wantedMs * factor, LONGEST_MS));
}

function partsFor(windowMs: number, fillMs: number, before: number): number {
  const most = Math.max(1, Math.floor(windowMs / SHORTEST_MS));
  const least = Math.ceil(windowMs / fillMs);
  const roomy = Math.ceil((ROOM * windowMs) / fillMs);
  return Math.max(1, Math.min(most, Math.max(least, Math.min(before, roomy))));
}

/** How often a tenant that fills no window is looked at. */
const LOOK_EVERY_MS = 5 * 60 * 1000;

/** How long a tenant's batches take to fill a window, as measured while they are announced. */
class FillTime {
  private since: number;
  private batches = 0;
  private bytes = 0;
  private measuredMs = Number.POSITIVE_INFINITY;

  /** @param now milliseconds */
  constructor(
    private readonly full: WindowSize,
    now: number,
  ) {
    this.since = now;
  }

  /** In milliseconds; infinite until a window has been filled, or five minutes have been watched. */
  get ms(): number {
    return this.measuredMs;
  }

  /** Counts what is announced at `now`. */
  add({ batches, bytes }: WindowSize, now: number): void {
    this.batches += batches;
    this.bytes += bytes;
    const share = Math.max(this.batches / this.full.batches, this.bytes / this.full.bytes);
    const elapsedMs = Math.max(1, now - this.since);
    if (share < 1 && elapsedMs < LOOK_EVERY_MS) return;
    this.measuredMs = elapsedMs / share;
    this.since = now;
    this.batches = this.bytes = 0;
  }
}

import { HOUR_MS } from '../../../platform/time.js';

/** Hours that a day may touch: the one that runs, and those that have begun within 24 hours or end in them. */
const HOURS = 25;

/** An hour's load jobs. */
interface Hour {
  /** By all processes, as far as is known. */
  counted: number;
  /** Of them, by this one. */
  own: number;
}

/** What this process had counted itself when it began to read what all have noted. */
export type OwnCounts = ReadonlyMap<number, number>;

/**
 * Counts the load jobs of one table in the last 24 hours, by the hour: the jobs of the hour that is passing out count by the part of it
 * that has not passed. Knows two things apart, since they come together late: what this process has submitted, and what
 * all of them have noted where each can read it.
 */
export class LoadCounts {
  private readonly hours = new Map<number, Hour>();

  /** Counts a job that this process submits. */
  add(now: number): void {
    const hour = this.hourOf(now);
    hour.counted += 1;
    hour.own += 1;
    this.prune(now);
  }

  /** To be asked for before what all processes have noted is read. */
  own(): OwnCounts {
    return new Map([...this.hours].map(([hour, { own }]) => [hour, own]));
  }

  /**
   * Takes over what all processes have noted.
   * @param times when the jobs were submitted, milliseconds since the epoch
   * @param before what {@link LoadCounts.own} said before they were read: jobs since then are in addition
   */
  restore(times: Iterable<number>, before: OwnCounts, now: number): void {
    const noted = new Map<number, number>();
    for (const time of times) {
      const hour = Math.floor(time / HOUR_MS);
      noted.set(hour, (noted.get(hour) ?? 0) + 1);
    }
    for (const hour of noted.keys()) this.hourOf(hour * HOUR_MS);
    for (const [hour, counts] of this.hours) {
      const since = counts.own - (before.get(hour) ?? 0);
      // A job whose note could not be written was submitted all the same.
      counts.counted = Math.max(counts.own, (noted.get(hour) ?? 0) + since);
    }
    this.prune(now);
  }

  /** The jobs of the last 24 hours. */
  used(now: number): number {
    const oldest = Math.floor(now / HOUR_MS) - HOURS + 1;
    let used = 0;
    for (const [hour, { counted }] of this.hours) {
      if (hour > oldest) used += counted;
      else if (hour === oldest) used += counted * (1 - (now % HOUR_MS) / HOUR_MS);
    }
    return used;
  }

  /** Milliseconds until a number of jobs are more than 24 hours old. */
  freeAfterMs(jobs: number, now: number): number {
    const oldest = Math.floor(now / HOUR_MS) - HOURS + 1;
    let left = jobs;
    for (let hour = oldest; hour < oldest + HOURS; hour += 1) {
      const counted = this.hours.get(hour)?.counted ?? 0;
      const passed = hour === oldest ? (now % HOUR_MS) / HOUR_MS : 0;
      const remaining = counted * (1 - passed);
      if (remaining >= left && counted > 0)
        return (hour + HOURS - 1 + passed + left / counted) * HOUR_MS - now;
      left -= remaining;
    }
    return HOURS * HOUR_MS;
  }

  private hourOf(time: number): Hour {
    const hour = Math.floor(time / HOUR_MS);
    let found = this.hours.get(hour);
    if (found === undefined) this.hours.set(hour, (found = { counted: 0, own: 0 }));
    return found;
  }

  private prune(now: number): void {
    const oldest = Math.floor(now / HOUR_MS) - HOURS + 1;
    for (const hour of this.hours.keys()) if (hour < oldest) this.hours.delete(hour);
  }
}

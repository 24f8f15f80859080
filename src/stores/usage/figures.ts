import type { Stream } from '../../events/event.js';

/** What is counted of a tenant, in whole numbers; times in microseconds. */
export const FIGURES = [
  'events',
  'bytesIn',
  'storedBytes',
  'decisions',
  'loadedRows',
  'deliveredEvents',
  'deliveryAttempts',
  'activityMicros',
  'cpuMicros',
  'workflows',
  'actions',
] as const;

/** One of {@link FIGURES}. */
export type Figure = (typeof FIGURES)[number];

/** Some figures; what is absent is 0. */
export type Figures = Readonly<Partial<Record<Figure, number>>>;

/** Something that is counted once. */
export interface UsageEntry {
  /** Names what is counted, the same in every attempt: of two entries of one name the first counts. Absent: it is made once. */
  readonly name?: string;
  readonly tenant: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly stream?: Stream;
  readonly subscription?: string;
  readonly figures: Figures;
}

/** What was counted of a tenant's stream and subscription on a day. */
export interface UsageTotal extends Omit<UsageEntry, 'name'> {
  readonly figures: Figures;
}

/** The sum of both. */
export function addFigures(left: Figures, right: Figures): Figures {
  const sum: Partial<Record<Figure, number>> = { ...left };
  for (const figure of FIGURES) {
    const more = right[figure];
    if (more !== undefined && more !== 0) sum[figure] = (sum[figure] ?? 0) + more;
  }
  return sum;
}

/**
 * What a sample has, in this order: events a second that were accepted, rules that were evaluated, rows that were loaded,
 * events that were delivered, tries of events that failed; then for how many seconds the oldest waits in the spool, to be
 * loaded, and to be delivered.
 */
export const SERIES = [
  'acceptedEvents',
  'decided',
  'loaded',
  'delivered',
  'failed',
  'spoolSeconds',
  'loadSeconds',
  'deliverySeconds',
] as const;

/** What was measured at a moment. */
export type Measured = Readonly<Record<(typeof SERIES)[number], number>>;

/** The same, with when that was. */
export interface ActivitySample extends Measured {
  /** Seconds since 1970. */
  readonly at: number;
}

/** Rates add up, waits do not. */
const RATES = 5;

/** The last samples of a tenant, in memory that does not grow. */
export class ActivityRing {
  private readonly values: Float32Array;
  private readonly times: Float64Array;
  private count = 0;

  constructor(private readonly most: number) {
    this.values = new Float32Array(most * SERIES.length);
    this.times = new Float64Array(most);
  }

  /** Adds a sample. @param at milliseconds since the epoch */
  add(at: number, values: readonly number[]): void {
    const place = this.count++ % this.most;
    this.times[place] = at;
    this.values.set(values, place * SERIES.length);
  }

  /** The newest sample; undefined where there is none. */
  newest(): Measured | undefined {
    return this.count === 0 ? undefined : measured(this.valuesAt((this.count - 1) % this.most));
  }

  /** The newest samples of several together, the oldest first: rates added up, of the waits the longest. */
  static sum(rings: readonly ActivityRing[], most: number): ActivitySample[] {
    const sums = new Map<number, number[]>();
    for (const ring of rings) {
      const from = Math.max(0, ring.count - Math.min(most, ring.most));
      for (let index = from; index < ring.count; index++) {
        const place = index % ring.most;
        const at = ring.times[place] ?? 0;
        const sum = sums.get(at) ?? SERIES.map(() => 0);
        sums.set(at, sum);
        ring.valuesAt(place).forEach((value, series) => {
          sum[series] = series < RATES ? (sum[series] ?? 0) + value : Math.max(sum[series] ?? 0, value);
        });
      }
    }
    return [...sums]
      .sort(([one], [other]) => one - other)
      .slice(-most)
      .map(([at, sum]) => ({ at: at / 1000, ...measured(sum) }));
  }

  private valuesAt(place: number): number[] {
    return [...this.values.subarray(place * SERIES.length, (place + 1) * SERIES.length)];
  }
}

/** A thousandth is enough of anything here. */
function measured(values: readonly number[]): Measured {
  const entries = SERIES.map((name, index) => [name, Math.round(1000 * (values[index] ?? 0)) / 1000]);
  return Object.fromEntries(entries) as unknown as Measured;
}

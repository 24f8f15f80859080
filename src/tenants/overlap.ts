/** A value that may have been replaced, and is then valid until an overlap is over. */
export interface Overlapping {
  /** ISO 8601, UTC: the end of the overlap, once there is a newer one. */
  readonly validUntil?: string;
}

/** True until the overlap of a value that was replaced is over. */
export function isValid({ validUntil }: Overlapping, now: number): boolean {
  return validUntil === undefined || Date.parse(validUntil) > now;
}

/** Values that are replaced now, without those that are over: no overlap becomes longer by another. */
export function replaced<T extends Overlapping>(values: readonly T[], now: number, overlapMs: number): T[] {
  const end = new Date(now + overlapMs).toISOString();
  return values
    .map((value) => ({ ...value, validUntil: earlier(value.validUntil, end) }))
    .filter((value) => isValid(value, now));
}

function earlier(one: string | undefined, other: string): string {
  return one !== undefined && one < other ? one : other;
}

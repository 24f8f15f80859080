/** What is still in memory of a chunk. */
export interface RecentRecord {
  /** The whole record, until its batch is written. */
  readonly record?: Buffer;
  readonly prints: Buffer;
}

/**
 * The records that were written lately, as they are: most are batched within seconds, and would otherwise be read back
 * from the spool's file, whose pages then stay in memory. Bounded; what is pushed out is read back.
 */
export class RecentRecords {
  private readonly kept = new Map<number, RecentRecord>();
  private bytes = 0;

  /** @param maxBytes memory for all of them */
  constructor(private readonly maxBytes: number) {}

  /** Keeps a record and its fingerprints. */
  add(seq: number, record: Buffer, prints: Buffer): void {
    this.set(seq, { record, prints });
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= this.maxBytes) return;
      this.forget(oldest);
    }
  }

  /** What is kept of a chunk. */
  get(seq: number): RecentRecord | undefined {
    return this.kept.get(seq);
  }

  /** The chunk's batch is written: its fingerprints are all that is needed from now on. */
  batched(seq: number): void {
    const recent = this.kept.get(seq);
    if (recent === undefined) return;
    this.forget(seq);
    this.set(seq, { prints: recent.prints });
  }

  /** Nothing of the chunk is needed any more. */
  forget(seq: number): void {
    this.bytes -= sizeOf(this.kept.get(seq));
    this.kept.delete(seq);
  }

  private set(seq: number, recent: RecentRecord): void {
    this.kept.set(seq, recent);
    this.bytes += sizeOf(recent);
  }
}

function sizeOf(recent: RecentRecord | undefined): number {
  return recent === undefined ? 0 : (recent.record?.length ?? 0) + recent.prints.length;
}

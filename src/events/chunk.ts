import type { InputStream } from './event.js';

/** One request's events in the spool: the unit that batches are made of; never split. Small, since many may wait. */
export interface Chunk {
  readonly seq: number;
  readonly tenant: string;
  readonly stream: InputStream;
  readonly events: number;
  /** Bytes of NDJSON. */
  readonly bytes: number;
  /** Bytes it takes in the spool. */
  readonly spoolBytes: number;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

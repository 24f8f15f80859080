import type { BatchRange } from '../batch-store/batch-store.js';
import type { BatchName } from '../../events/event.js';

/** Some events of a batch that ingest could not read back. */
export interface LostEvents {
  /** How many; more than its chunks have where the spool has lost one altogether. */
  readonly events: number;
  readonly chunks: readonly LostChunk[];
}

/** A chunk that is damaged, and what is known of it. */
export interface LostChunk {
  readonly seq: number;
  readonly events: number;
  /** When it was taken, RFC 3339. */
  readonly receivedAt: string;
  /** Event types among its events, sorted, the first few. */
  readonly types: readonly string[];
  readonly firstEvent: string;
  readonly lastEvent: string;
  /** What was found, in words. */
  readonly problem: string;
}

/**
 * Where is kept what ingest could not hand over to Temporal for good, by batch: damaged chunks as they are, and starts
 * that were refused. Everything can be written again, and is then as it was.
 */
export interface Quarantine {
  /** Where a batch's files are, relative to the data directory. */
  placeOf(name: BatchName): string;
  /** Keeps the bytes of a damaged chunk. */
  keepRecord(name: BatchName, seq: number, record: Buffer): Promise<void>;
  /** Notes, durably, what of a batch is lost. */
  noteLost(name: BatchName, lost: LostEvents): Promise<void>;
  /** What of a batch was noted as lost. */
  lost(name: BatchName): Promise<LostEvents | undefined>;
  /** The batches of which something was noted as lost, in the order of their ids. */
  listLost(range: Omit<BatchRange, 'after'>): AsyncIterable<BatchName>;
  /** Keeps the input of a workflow that Temporal has refused to start. */
  keepStart(name: BatchName, input: string): Promise<void>;
  /** The input that was kept. @throws HeadgateError `NOT_FOUND`: it is gone */
  start(name: BatchName): Promise<string>;
  /**
   * Keeps the bytes of a chunk of which it cannot be told whose it is.
   * @returns the file, relative to the data directory
   */
  keepUnattributed(node: string, seq: number, record: Buffer): Promise<string>;
}

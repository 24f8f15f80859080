import type { Stream } from '../../events/event.js';

/** Which claims are asked for. */
export interface ClaimRange {
  readonly tenant: string;
  readonly stream: Stream;
  /** The first day, `YYYY-MM-DD`. */
  readonly from: string;
}

/** Where a claim is kept. */
export interface ClaimPlace {
  readonly tenant: string;
  readonly stream: Stream;
  /** `YYYY-MM-DD`: the day of the load. */
  readonly day: string;
  /** Names it among the tenant's claims: letters, digits, `_` and `-`, at most 240. */
  readonly name: string;
}

/** What a load is about to bring into a warehouse that cannot say itself which batches are in it. */
export interface LoadClaim {
  readonly loadId: string;
  /** The warehouse it goes to: a tenant may be given another. */
  readonly warehouse: string;
  readonly batchIds: readonly string[];
  readonly rows: number;
  /** Rows of its batches that could not be loaded and were left out. Default none. */
  readonly leftOut?: number;
  /** By column, how many values of promoted fields did not fit. Default none. */
  readonly clashes?: Readonly<Record<string, number>>;
  /** Bytes of the file that is loaded. */
  readonly bytes: number;
  /**
   * Where the rows go by a write stream of BigQuery. Absent: they go by a load job, whose id follows from the claim's name.
   */
  readonly stream?: ClaimedStream;
}

/** The one write stream by which the rows of a claim may come in. */
interface ClaimedStream {
  /** `projects/…/datasets/…/tables/…/streams/…`; empty where there are no rows. */
  readonly name: string;
  /** What the rows say in `_loaded_at`: ISO 8601, UTC. */
  readonly loadedAt: string;
}

/** What the names of claims end in whose rows go by a write stream, so that they are not taken for jobs. */
export const STREAM_ENDING = '_stream';

/** A claim and its name. */
export interface NamedClaim extends LoadClaim {
  readonly name: string;
}

/**
 * Claims of loads, kept where the batch files are. One is written before its load begins, once, and never changed: the
 * process that comes after a crash finds in it what the load was to hold, and asks the warehouse how it went.
 */
export interface LoadClaims {
  /**
   * Writes a claim durably and atomically, unless there is one of this name.
   * @returns the one that is there now
   * @throws HeadgateError `DISK_FULL` (retryable), `TENANT_ID_INVALID`
   */
  claim(place: ClaimPlace, claim: LoadClaim): Promise<LoadClaim>;
  /** The claims of a tenant's stream from a day on, in the order of days. What has been read once is not read again. */
  list(range: ClaimRange): Promise<readonly NamedClaim[]>;
  /**
   * When the claims of jobs of a tenant's stream were written, from a day on, in milliseconds since the epoch. Reads none
   * of them.
   */
  times(range: ClaimRange): Promise<readonly number[]>;
  /** Deletes the claims of days that are over; none are no error. */
  deleteThrough(tenant: string, isOver: (day: string) => boolean): Promise<void>;
}

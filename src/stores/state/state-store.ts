import type { Outcome } from '../../event.js';
import type { ProfileState } from '../../rules/profile.js';
import type { SubjectState } from '../../rules/subject-state.js';

/** A subject's current standing under one rule: what the latest evaluation said. */
export interface CurrentDecision {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly ruleVersion: string;
  readonly eventId: string;
  /** The event's time, RFC 3339. */
  readonly time: string;
}

/** All that is kept of a subject. Changed in place by whoever holds it; the store keeps copies. */
export interface SubjectRecord {
  /** Absent until the subject has user properties. */
  profile?: ProfileState;
  readonly state: SubjectState;
  readonly decisions: Record<string, CurrentDecision>;
}

/** The decisions on one chunk of the spool, until they are in a batch file of their own. */
export interface ChunkDecisions {
  /** Rule evaluations made. */
  readonly evaluated: number;
  /** Evaluations that came out eligible, by rule. */
  readonly eligible: Readonly<Record<string, number>>;
  /** The decisions, one a line. */
  readonly ndjson: string;
}

/** A subject as it is to be kept. */
export interface SubjectSnapshot {
  readonly tenant: string;
  readonly subject: string;
  /** The record as JSON. */
  readonly json: string;
}

/**
 * A consistent cut through the state of all tenants: every event up to a tenant's watermark is in it, none after.
 */
export interface Checkpoint {
  /** The subjects that have changed since the last one. */
  readonly subjects: readonly SubjectSnapshot[];
  /** By tenant: the spool's sequence number up to which its events are in the state. */
  readonly watermarks: ReadonlyMap<string, number>;
  /** Decisions on chunks up to the watermark that are not in a batch file yet, by sequence number. */
  readonly decisions: ReadonlyMap<number, ChunkDecisions>;
  /** Chunks whose decisions are no longer needed. */
  readonly forgotten: readonly number[];
}

/**
 * Where the state survives a crash. It is written in checkpoints and lags behind memory; what it lacks, the spool still has.
 */
export interface StateStore {
  /** Up to where the tenant's events are in the state; 0 before its first checkpoint. */
  watermark(tenant: string): number;
  subject(tenant: string, subject: string): SubjectRecord | undefined;
  /** Decisions that a checkpoint has kept. */
  decisions(seq: number): ChunkDecisions | undefined;
  /** The chunks that {@link StateStore.decisions} knows. */
  decidedChunks(): Iterable<number>;
  /**
   * Writes a checkpoint in one transaction and waits until it is on disk.
   * @throws HeadgateError `DISK_FULL` (retryable) when it cannot be written; nothing of it is kept then
   */
  checkpoint(checkpoint: Checkpoint): Promise<void>;
  close(): Promise<void>;
}

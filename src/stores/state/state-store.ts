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
}

/**
 * Where the state survives a crash. It is written in checkpoints and lags behind memory; what it lacks, the spool still has.
 */
export interface StateStore {
  /** Up to where the tenant's events are in the state; 0 before its first checkpoint. */
  watermark(tenant: string): number;
  /** The highest of all tenants' watermarks. */
  highestWatermark(): number;
  subject(tenant: string, subject: string): SubjectRecord | undefined;
  /**
   * Writes a checkpoint in one transaction and waits until it is on disk.
   * @throws HeadgateError `DISK_FULL` (retryable) when it cannot be written; nothing of it is kept then
   */
  checkpoint(checkpoint: Checkpoint): Promise<void>;
  close(): Promise<void>;
}

import type { Outcome } from '../../events/event.js';
import type { ProfileState } from '../../rules/profile-state.js';
import type { SubjectState } from '../../rules/subject-state.js';

/** A subject's current status under one rule: what the latest evaluation said. */
export interface CurrentDecision {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly ruleVersion: string;
  readonly eventId: string;
  /** Absent in what version 0.1.0 has decided. */
  readonly eventSource?: string;
  /** The event's time, RFC 3339. */
  readonly time: string;
}

/** All that is kept of a subject. Changed in place by its holder; the store keeps copies. */
export interface SubjectRecord {
  /** Absent until the subject has user properties. */
  profile?: ProfileState;
  readonly state: SubjectState;
  readonly decisions: Record<string, CurrentDecision>;
  /** Whom the subject is merged into; it has nothing of its own any more then. Absent in most. */
  mergedInto?: string;
  /** What is merged into the subject; absent in most. */
  merged?: MergedSubjects;
}

/** What is merged into a subject, directly or by way of others. */
export interface MergedSubjects {
  /** How many. */
  readonly subjects: number;
  /** The longest way, in steps. */
  readonly steps: number;
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

/** Names a subject. */
export interface SubjectName {
  readonly tenant: string;
  readonly subject: string;
}

/**
 * Where the state survives a crash. It is written in checkpoints and lags behind memory; what it lacks, the spool still has.
 * One process writes it, and one at a time: while it is open, nothing changes in it but by {@link StateStore.checkpoint}.
 */
export interface StateStore {
  /** Up to where the tenant's events are in the state; 0 before its first checkpoint. */
  watermark(tenant: string): number;
  /** The highest of all tenants' watermarks. */
  highestWatermark(): number;
  /**
   * Reads a subject here and now. Only a store whose reads wait for nothing has it; from the others subjects are read
   * ahead, by {@link StateStore.subjects}.
   */
  readonly subjectNow?: (tenant: string, subject: string) => SubjectRecord | undefined;
  /**
   * Reads subjects, of any tenants, in one round trip; in the order asked for, each a copy of its own.
   * @throws HeadgateError `STATE_UNAVAILABLE` (retryable) when the store does not answer
   */
  subjects(names: readonly SubjectName[]): Promise<readonly (SubjectRecord | undefined)[]>;
  /**
   * Makes sure that watermarks and subjects are what the store holds: after a checkpoint that broke off nobody knows
   * whether it was written until the store has been asked. To be awaited before memory is built again from the store.
   * @throws HeadgateError `STATE_UNAVAILABLE` (retryable) when it does not answer
   */
  resync(): Promise<void>;
  /**
   * Writes a checkpoint in one transaction and waits until it is on disk. One at a time.
   * @throws HeadgateError `DISK_FULL` (retryable) when there is no room: nothing of it is kept then;
   *   `STATE_UNAVAILABLE` (retryable): it may have been kept, whole, see {@link StateStore.resync};
   *   `STATE_IN_USE`: another process has taken the state over
   */
  checkpoint(checkpoint: Checkpoint): Promise<void>;
  /**
   * Forgets all of a tenant, its watermark last; resolves when that is on disk. May be called again after it broke off. Nobody
   * may have the tenant in memory.
   * @returns how many subjects were there
   * @throws HeadgateError `STATE_UNAVAILABLE` (retryable), `STATE_IN_USE`
   */
  forgetTenant(tenant: string): Promise<number>;
  close(): Promise<void>;
}

import type { InputStream, Outcome } from '../../event.js';
import type { ProfileState } from '../../rules/profile.js';
import type { SubjectState } from '../../rules/subject-state.js';
import type { StagedBatch } from '../batch-store/batch-store.js';

/** A subject's current standing under one rule: what the latest evaluation said. */
export interface CurrentDecision {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly ruleVersion: string;
  readonly eventId: string;
  /** The event's time, RFC 3339. */
  readonly time: string;
  readonly batchId: string;
}

/** What is kept of a subject besides its profile. */
export interface SubjectRecord {
  readonly state: SubjectState;
  readonly decisions: Record<string, CurrentDecision>;
}

/** What applying a batch did; kept with the batch's mark so that a retry answers the same. */
export interface AppliedBatch {
  readonly batchId: string;
  /** Events in the batch. */
  readonly events: number;
  /** Rule evaluations made. */
  readonly evaluated: number;
  /** Evaluations that came out eligible, by rule. */
  readonly eligible: Readonly<Record<string, number>>;
  /** The decisions as a batch of their own, staged before the commit; absent if nothing was evaluated. */
  readonly decisions?: StagedBatch;
}

/** A batch's whole effect on the state, to be committed in one transaction. */
export interface BatchCommit {
  readonly tenant: string;
  readonly stream: InputStream;
  /** The lane's revision that the effect was computed from. */
  readonly revision: number;
  readonly profiles?: ReadonlyMap<string, ProfileState>;
  readonly subjects?: ReadonlyMap<string, SubjectRecord>;
  readonly applied: AppliedBatch;
}

/**
 * Profiles, aggregates, current decisions, and which batches have been applied. A lane is a tenant's input stream:
 * profiles are written by `user-properties` alone, everything else by `events` alone.
 */
export interface StateStore {
  /** The mark of a batch that has been applied, or undefined. */
  applied(tenant: string, batchId: string): AppliedBatch | undefined;
  /** Counts the lane's commits; the base for {@link BatchCommit.revision}. */
  revision(tenant: string, stream: InputStream): number;
  profile(tenant: string, subject: string): ProfileState | undefined;
  subject(tenant: string, subject: string): SubjectRecord | undefined;
  /**
   * Commits a batch's effect and its mark in one transaction and waits until it is on disk. If the batch has been
   * applied in the meantime nothing is written. Returns the mark that counts.
   * @throws HeadgateError `STATE_CONFLICT` (retryable): another batch of the lane was committed since `revision`
   */
  commit(change: BatchCommit): Promise<AppliedBatch>;
  close(): Promise<void>;
}

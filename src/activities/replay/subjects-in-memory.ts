import { newSubjectRecord } from '../../eligibility/decide-chunk.js';
import { HeadgateError } from '../../errors.js';
import type { SubjectRecord } from '../../stores/state/state-store.js';

/** How many subjects the replays of a process may hold in memory: each of them, and all together. */
export class SubjectBudget {
  private held = 0;

  constructor(private readonly most: { readonly each: number; readonly all: number }) {}

  /**
   * Takes a place for one more.
   * @param what is counted, for people
   * @throws HeadgateError `REPLAY_TOO_LARGE`: a replay has `own` already; `OVERLOADED` (retryable): others have the rest
   */
  take(own: number, what = 'What is kept up to the end of the range is about'): void {
    if (own >= this.most.each) {
      const most = this.most.each.toLocaleString('en-US');
      throw new HeadgateError(
        'REPLAY_TOO_LARGE',
        `${what} more than ${most} subjects, which is all that a replay holds in memory. End the range earlier.`,
      );
    }
    if (this.held >= this.most.all) {
      const retry = { retryable: true, retryAfterSeconds: 30 };
      throw new HeadgateError('OVERLOADED', 'Other replays hold all the memory there is for them.', retry);
    }
    this.held++;
  }

  giveBack(places: number): void {
    this.held -= places;
  }
}

/** The subjects of a replay: fresh ones, in memory alone, within a budget. */
export class SubjectsInMemory {
  private readonly records = new Map<string, SubjectRecord>();

  constructor(private readonly budget: SubjectBudget) {}

  /**
   * A subject's record, to be changed in place.
   * @throws HeadgateError as {@link SubjectBudget.take} does
   */
  readonly recordOf = (subject: string): SubjectRecord => {
    let record = this.records.get(subject);
    if (record !== undefined) return record;
    this.budget.take(this.records.size);
    record = newSubjectRecord();
    this.records.set(subject, record);
    return record;
  };

  /** Gives all of them up. */
  forget(): void {
    this.budget.giveBack(this.records.size);
    this.records.clear();
  }
}

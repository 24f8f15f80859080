import { isNewer } from '../../eligibility/decide-chunk.js';
import type { ReplayedDecision } from '../../eligibility/becomes-current.js';
import type { DecisionRow, EventRow } from '../../events/event.js';
import type { SubjectBudget } from './subjects-in-memory.js';

/** Decisions that take as much memory as a subject. */
const PER_PLACE = 5;

/**
 * Of each subject and rule the decision on the latest event of a replay's range: what may become current. They are held in
 * memory to the end, since nothing is to become current, even for a while, that is not the range's last word.
 */
export class LatestDecisions implements Iterable<readonly [string, ReadonlyMap<string, ReplayedDecision>]> {
  private readonly bySubject = new Map<string, Map<string, ReplayedDecision>>();
  private count = 0;
  private places = 0;

  constructor(private readonly budget: SubjectBudget) {}

  /**
   * Adds the decisions on an event, in the order of receipt.
   * @param recorded by rule: what was recorded live by the same version is what counts, as it is what the warehouse has
   * @throws HeadgateError as {@link SubjectBudget.take} does
   */
  add(
    event: EventRow,
    made: readonly DecisionRow[],
    recorded: ReadonlyMap<string, DecisionRow> | undefined,
  ): void {
    const { received_at: receivedAt } = event;
    for (const now of made) {
      const before = recorded?.get(now.rule);
      const row = before?.rule_version === now.rule_version ? before : now;
      // Another than the event's, where that is merged into it.
      const { subject } = row;
      if (subject === null) continue;
      const known = this.bySubject.get(subject)?.get(row.rule);
      if (known !== undefined && isNewer(known, row.rule_version, event)) continue;
      this.put(subject, row, known === undefined, { receivedAt, eventSource: event.source });
    }
  }

  [Symbol.iterator](): Iterator<readonly [string, ReadonlyMap<string, ReplayedDecision>]> {
    return this.bySubject[Symbol.iterator]();
  }

  /** Gives all of them up. */
  forget(): void {
    this.budget.giveBack(this.places);
    this.bySubject.clear();
    [this.count, this.places] = [0, 0];
  }

  private put(
    subject: string,
    row: DecisionRow,
    isNew: boolean,
    event: Pick<ReplayedDecision, 'receivedAt' | 'eventSource'>,
  ): void {
    if (isNew && this.count++ % PER_PLACE === 0) {
      this.budget.take(this.places, 'The decisions that may become current take the memory of');
      this.places++;
    }
    const { outcome, reason, rule_version: ruleVersion, event_id: eventId, time } = row;
    let ofSubject = this.bySubject.get(subject);
    if (ofSubject === undefined)
      this.bySubject.set(subject, (ofSubject = new Map<string, ReplayedDecision>()));
    ofSubject.set(row.rule, { outcome, reason, ruleVersion, eventId, time, ...event });
  }
}

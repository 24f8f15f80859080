import type { DecisionRow, EventRow } from '../../events/event.js';
import { eventKey, type Identified } from '../../events/event-identity.js';
import type { CompiledRules } from '../../rules/compiled.js';
import type { DecisionSample, JudgedOutcome, RuleDifference } from '../../workflows/messages/replays.js';

/** Samples kept of each rule, each way. */
const SAMPLES = 10;
/** Longest reason in a sample: reasons quote other people's data. */
const MAX_REASON = 500;

/** The recorded decisions on a batch: by {@link decidedKey}, then by rule. */
export type RecordedDecisions = ReadonlyMap<string, ReadonlyMap<string, DecisionRow>>;

/** What tells events that were decided on apart; decisions of version 0.1.0 have no source, and a batch of it no id twice. */
export function decidedKey({ event_id: id, event_source: source }: DecisionRow): string {
  return source === undefined ? id : eventKey({ source, id });
}

/** What was recorded of an event; undefined where nothing was. */
export function recordedOf(
  recorded: RecordedDecisions,
  event: Identified,
): ReadonlyMap<string, DecisionRow> | undefined {
  return recorded.get(eventKey(event)) ?? recorded.get(event.id);
}

type Counting = {
  -readonly [Key in keyof Omit<RuleDifference, 'recorded' | 'now' | 'samples'>]: RuleDifference[Key];
} & {
  readonly recorded: { eligible: number; ineligible: number };
  readonly now: { eligible: number; ineligible: number };
  readonly samples: { newlyEligible: DecisionSample[]; noLongerEligible: DecisionSample[] };
};

/** Adds up, per rule, how the decisions made now differ from those recorded when the events came. */
export class Comparison {
  private readonly rules = new Map<string, Counting>();

  /** Every rule of the chosen version is reported on, also where nothing concerned it. */
  constructor(rules: CompiledRules) {
    for (const { name, version } of rules.rules) this.rules.set(name, newCounting(name, version));
  }

  /** Compares the decisions on one event; `made` are those made now. */
  add(event: EventRow, made: readonly DecisionRow[], recorded: RecordedDecisions): void {
    const before = recordedOf(recorded, event);
    for (const row of made) this.compare(row, before?.get(row.rule));
    if (before === undefined) return;
    for (const row of before.values()) {
      if (made.some(({ rule }) => rule === row.rule)) continue;
      const counting = this.of(row.rule);
      counting.recorded[row.outcome]++;
      counting.notMadeNow++;
    }
  }

  /** The differences so far, by the name of the rule. */
  result(): RuleDifference[] {
    return [...this.rules.values()].sort((left, right) => (left.rule < right.rule ? -1 : 1));
  }

  private compare(now: DecisionRow, before: DecisionRow | undefined): void {
    const counting = this.of(now.rule);
    counting.evaluated++;
    counting.now[now.outcome]++;
    if (before === undefined) {
      counting.notRecordedBefore++;
      return;
    }
    counting.recorded[before.outcome]++;
    if (before.outcome === now.outcome) return;
    const way = now.outcome === 'eligible' ? 'newlyEligible' : 'noLongerEligible';
    counting[way]++;
    if (counting.samples[way].length < SAMPLES) counting.samples[way].push(sampleOf(now, before));
  }

  private of(rule: string): Counting {
    let counting = this.rules.get(rule);
    if (counting === undefined) this.rules.set(rule, (counting = newCounting(rule)));
    return counting;
  }
}

function newCounting(rule: string, ruleVersion?: string): Counting {
  return {
    rule,
    ruleVersion,
    evaluated: 0,
    newlyEligible: 0,
    noLongerEligible: 0,
    notRecordedBefore: 0,
    notMadeNow: 0,
    recorded: { eligible: 0, ineligible: 0 },
    now: { eligible: 0, ineligible: 0 },
    samples: { newlyEligible: [], noLongerEligible: [] },
  };
}

function sampleOf(now: DecisionRow, before: DecisionRow): DecisionSample {
  const { event_id: eventId, event_source: eventSource, subject, time } = now;
  return { eventId, eventSource, subject, time, recorded: judged(before), now: judged(now) };
}

function judged({ outcome, reason, rule_version: ruleVersion }: DecisionRow): JudgedOutcome {
  const shown = reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON - 1)}…` : reason;
  return { outcome, reason: shown, ruleVersion };
}

import type { DecisionRow, EventRow } from '../../src/event.js';
import { evaluateEvent } from '../../src/rules/evaluate.js';
import { newSubjectState, type SubjectState } from '../../src/rules/subject-state.js';
import type { TenantRegistry } from '../../src/tenant-config/registry.js';

/** Aggregates and rules over a state that is in memory alone: lost in a crash, and so cheaper than any that is kept. */
export class Deciding {
  private readonly subjects = new Map<string, Map<string, SubjectState>>();

  constructor(private readonly registry: TenantRegistry) {}

  /** Decides on events, in order; the decisions as NDJSON. */
  decide(tenant: string, events: readonly EventRow[]): string {
    const rules = this.registry.get(tenant)?.rules;
    if (rules === undefined) throw new Error(`There is no tenant ${tenant}.`);
    const subjects = this.subjectsOf(tenant);
    let ndjson = '';
    for (const event of events) {
      const state = stateOf(subjects, event.subject);
      for (const { rule, ruleVersion, outcome, reason } of evaluateEvent(rules, state, {}, event)) {
        const row: DecisionRow = {
          id: `${event.id}:${rule}:${ruleVersion}`,
          event_id: event.id,
          subject: event.subject ?? null,
          rule,
          rule_version: ruleVersion,
          outcome,
          reason,
          time: event.time,
        };
        ndjson += `${JSON.stringify(row)}\n`;
      }
    }
    return ndjson;
  }

  private subjectsOf(tenant: string): Map<string, SubjectState> {
    let subjects = this.subjects.get(tenant);
    if (subjects === undefined) this.subjects.set(tenant, (subjects = new Map()));
    return subjects;
  }
}

function stateOf(subjects: Map<string, SubjectState>, subject: string | undefined): SubjectState {
  if (subject === undefined) return newSubjectState();
  let state = subjects.get(subject);
  if (state === undefined) subjects.set(subject, (state = newSubjectState()));
  return state;
}

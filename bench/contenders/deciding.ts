import { decideChunk, newSubjectRecord, type ChunkDecisions } from '../../src/eligibility/decide-chunk.js';
import type { EventRow } from '../../src/events/event.js';
import type { SubjectRecord } from '../../src/stores/state/state-store.js';
import type { TenantRegistry } from '../../src/tenants/config/registry.js';

/** Headgate's own deciding over a state that is in memory alone: lost in a crash, and so cheaper than any that is kept. */
export class Deciding {
  private readonly subjects = new Map<string, Map<string, SubjectRecord>>();

  constructor(private readonly registry: TenantRegistry) {}

  /** Decides on events, in order. */
  decide(tenant: string, events: readonly EventRow[]): ChunkDecisions {
    const rules = this.registry.get(tenant)?.rules;
    if (rules === undefined) throw new Error(`There is no tenant ${tenant}.`);
    const subjects = this.subjectsOf(tenant);
    const recordOf = (subject: string): SubjectRecord => {
      let record = subjects.get(subject);
      if (record === undefined) subjects.set(subject, (record = newSubjectRecord()));
      return record;
    };
    return decideChunk('events', events, rules, recordOf, (_event, error) => {
      throw error;
    });
  }

  private subjectsOf(tenant: string): Map<string, SubjectRecord> {
    let subjects = this.subjects.get(tenant);
    if (subjects === undefined) this.subjects.set(tenant, (subjects = new Map()));
    return subjects;
  }
}

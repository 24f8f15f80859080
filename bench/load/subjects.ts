import type { SubjectRange } from './event-writer.js';
import type { LoadSpec } from './spec.js';

/** The subjects of a tenant: every n-th of all, for n tenants, and at least one. */
export function subjectsOf({ subjects, tenants }: LoadSpec, index: number): SubjectRange {
  const step = tenants.length;
  return { first: index, step, count: Math.max(1, Math.floor(subjects / step)) };
}

/** Probes' subjects are numbered from here, above those of all other traffic. */
export const PROBE_SUBJECTS_FROM = 5_000_000;

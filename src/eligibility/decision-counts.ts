import type { ChunkDecisions } from './decide-chunk.js';

/** How often a rule has said what. */
export interface RuleCounts {
  readonly eligible: number;
  readonly ineligible: number;
}

const NONE: RuleCounts = { eligible: 0, ineligible: 0 };

/** Counts decisions by rule version, since the process started: those of a rule that was changed are not mixed up. */
export class DecisionCounts {
  /** Milliseconds since the epoch. */
  readonly since = Date.now();
  private readonly tenants = new Map<string, Map<string, { eligible: number; ineligible: number }>>();

  /** Adds what was decided on a request's events, by the rules of then. */
  add(
    tenant: string,
    { eligible, ineligible }: Pick<ChunkDecisions, 'eligible' | 'ineligible'>,
    versionOf: (rule: string) => string | undefined,
  ): void {
    for (const [outcome, counts] of [
      ['eligible', eligible],
      ['ineligible', ineligible],
    ] as const)
      for (const [rule, count] of Object.entries(counts))
        this.of(tenant, rule, versionOf(rule) ?? '')[outcome] += count;
  }

  /** What a version of a rule has said. */
  read(tenant: string, rule: string, version: string): RuleCounts {
    return this.tenants.get(tenant)?.get(`${rule}:${version}`) ?? NONE;
  }

  /** Forgets versions that are not in force, so that files that change all the time do not fill the memory. */
  keep(tenant: string, inForce: readonly { readonly name: string; readonly version: string }[]): void {
    const known = this.tenants.get(tenant);
    if (known === undefined || known.size <= 2 * inForce.length + 10) return;
    const kept = new Set(inForce.map(({ name, version }) => `${name}:${version}`));
    for (const key of known.keys()) if (!kept.has(key)) known.delete(key);
  }

  private of(tenant: string, rule: string, version: string): { eligible: number; ineligible: number } {
    const key = `${rule}:${version}`;
    const rules = this.tenants.get(tenant) ?? new Map<string, { eligible: number; ineligible: number }>();
    this.tenants.set(tenant, rules);
    const counts = rules.get(key) ?? { eligible: 0, ineligible: 0 };
    rules.set(key, counts);
    return counts;
  }
}

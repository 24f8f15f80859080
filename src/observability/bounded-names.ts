import { OTHER_TENANTS } from './tenant-labels.js';

/** What names beyond the first few are called in metrics. */
const OTHER_NAMES = 'other';

/**
 * Bounds a label whose values tenants choose: one may have hundreds of rules, and each is some time series. The first `max` that are
 * seen keep their names until the process ends, all others are `other`.
 */
export class BoundedNames {
  private readonly named = new Set<string>();

  constructor(private readonly max: number) {}

  /** The label of a name; `tenant` is the tenant's own label, `kind` tells names of one tenant apart that are of different things. */
  of(tenant: string, kind: string, name: string): string {
    if (tenant === OTHER_TENANTS) return OTHER_NAMES;
    const key = `${tenant} ${kind} ${name}`;
    if (this.named.has(key)) return name;
    if (this.named.size >= this.max) return OTHER_NAMES;
    this.named.add(key);
    return name;
  }
}

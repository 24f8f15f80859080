import type { ExpressionFailure } from '../expressions/failures.js';
import { OTHER_TENANTS } from './tenant-labels.js';

/** What expressions beyond the first few are called in metrics. */
const OTHER_EXPRESSIONS = 'other';

/** A failure as metrics count it. */
export interface LabelledFailure {
  readonly labels: Record<'tenant' | 'owner' | 'name' | 'code', string>;
  readonly count: number;
}

/**
 * Bounds the label `name` of expressions: a tenant may have hundreds of rules, and each that fails is a time series for each
 * way to fail. The first `max` that fail keep their names until the process ends, all others are `other`.
 */
export class ExpressionLabels {
  private readonly named = new Set<string>();

  constructor(private readonly max: number) {}

  /** The failures with their labels; `tenant` is the tenant's own label. */
  labelsOf(tenant: string, failures: readonly ExpressionFailure[]): LabelledFailure[] {
    return failures.map(({ owner, name, code, count }) => ({
      labels: { tenant, owner, name: this.nameOf(tenant, owner, name), code },
      count,
    }));
  }

  private nameOf(tenant: string, owner: string, name: string): string {
    if (tenant === OTHER_TENANTS) return OTHER_EXPRESSIONS;
    const key = `${tenant} ${owner} ${name}`;
    if (this.named.has(key)) return name;
    if (this.named.size >= this.max) return OTHER_EXPRESSIONS;
    this.named.add(key);
    return name;
  }
}

import type { EventRow } from '../events/event.js';
import type { EventSchemas } from '../event-schemas/event-schemas.js';
import type { Metrics } from '../observability/metrics.js';
import type { Rejection } from './rejection.js';

/** Checks the events of one request against their tenant's schemas, and counts those that do not fit. */
export class SchemaCheck {
  private readonly violations = { enforce: 0, warn: 0 };

  /** @param schemas undefined for a tenant that has none */
  constructor(private readonly schemas: EventSchemas | undefined) {}

  /** Undefined for an event that may come in. */
  rejectionOf(row: EventRow): Rejection | undefined {
    const schema = this.schemas?.find(row);
    if (schema === undefined || schema.mode === 'off') return undefined;
    const problem = schema.problemOf(row);
    if (problem === undefined) return undefined;
    this.violations[schema.mode]++;
    if (schema.mode === 'warn') return undefined;
    const { pointer, message } = problem;
    return { code: 'schema_violation', reason: `data${pointer} ${message}`, pointer };
  }

  /** Puts what was counted into the metrics; to be called once all events have been looked at. */
  report(tenant: string, metrics: Pick<Metrics, 'schemaViolations'> | undefined): void {
    for (const mode of ['enforce', 'warn'] as const)
      if (this.violations[mode] > 0) metrics?.schemaViolations(tenant, mode, this.violations[mode]);
  }
}

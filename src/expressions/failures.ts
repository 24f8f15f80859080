import type { FaultCode } from './fault.js';

/** What of a tenant's file an expression belongs to. */
type ExpressionOwner = 'rule' | 'aggregate' | 'route' | 'ordering-key' | 'template';

/** How often one expression failed for one kind of reason. */
export interface ExpressionFailure {
  readonly owner: ExpressionOwner;
  /** Of the rule or aggregate; of a route its place in the file, from 0; of a subscription, for a template with its field: `sync.id`. */
  readonly name: string;
  readonly code: FaultCode;
  readonly count: number;
}

/** Called with an expression that failed on an event. */
export type OnFailure = (owner: ExpressionOwner, name: string, code: FaultCode) => void;

/** Adds up the failures of a request, a pass or a leased batch, so that metrics are touched once and not per event. */
export class ExpressionFailures {
  private readonly counts = new Map<
    string,
    { -readonly [Key in keyof ExpressionFailure]: ExpressionFailure[Key] }
  >();

  readonly add: OnFailure = (owner, name, code) => {
    const key = `${owner} ${code} ${name}`;
    const known = this.counts.get(key);
    if (known === undefined) this.counts.set(key, { owner, name, code, count: 1 });
    else known.count++;
  };

  /** What has failed so far. */
  list(): ExpressionFailure[] {
    return [...this.counts.values()];
  }
}

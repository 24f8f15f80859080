/** What waits. */
export interface Undelivered {
  /** Batches on their way to subscriptions. */
  readonly batches: number;
  /** Events of those batches; one that is delivered in part counts as a whole. */
  readonly events: number;
  /** Load windows of warehouses that have not loaded. */
  readonly windows: number;
  readonly oldestSeconds: number;
}

/** One thing that is wrong, or that somebody has stopped. */
export interface StatusProblem {
  /** `failing`: somebody should look. `held`: a person has wanted it so. `notice`: it works, and costs much. */
  readonly level: 'failing' | 'held' | 'notice';
  /** Such as `failing`, `breaker-open` or `temporal-away`; later versions may have more. */
  readonly kind: string;
  /** Absent where it concerns all. */
  readonly tenant?: string;
  readonly subscription?: string;
  /** Since when, RFC 3339, where that is known. */
  readonly since?: string;
  /** When this was asked, where that was long before the rest. */
  readonly asOf?: string;
  readonly undelivered?: Undelivered;
  /** In the words of the receiver, or of the warehouse. */
  readonly lastError?: string;
  /** What is wrong, in one line. */
  readonly what: string;
  /** The command to go on with. */
  readonly command?: string;
  /** The page of the runbook to go on with. */
  readonly page: string;
}

/** How Headgate stands. */
export interface StatusReport {
  /** `unknown`: nothing is known to fail, and how subscriptions stand cannot be told. */
  readonly verdict: 'well' | 'failing' | 'unknown';
  readonly at: string;
  /** When Temporal was asked what waits; absent while that is not known. */
  readonly lookedAt?: string;
  /** When the subscription was asked how it stands that was asked longest ago; absent until all have been. */
  readonly oldestLookAt?: string;
  readonly temporal: { readonly reachable: boolean; readonly since: string };
  readonly tenants: number;
  readonly tenantsFailing: number;
  readonly subscriptions: number;
  readonly undelivered: Undelivered;
  /** Events that Temporal does not have yet. */
  readonly backlog: { readonly bytes: number; readonly oldestSeconds: number };
  /** What all tenants share; for operators. */
  readonly node?: {
    readonly spool: { readonly bytes: number; readonly limitBytes: number; readonly oldestSeconds: number };
    readonly disks: readonly { readonly name: string; readonly freeBytes: number }[];
    readonly diskReserveBytes: number;
  };
  /** The worst first. */
  readonly problems: readonly StatusProblem[];
  /** Problems that were left out. */
  readonly moreProblems: number;
}

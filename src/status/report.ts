/** What may be wrong, the worst first; `draining` and `paused` by somebody are what that person wants. */
export const PROBLEM_KINDS = [
  'temporal-away',
  'takes-no-events',
  'disk-nearly-full',
  'spool-fills',
  'disabled',
  'paused-by-headgate',
  'breaker-open',
  'failing',
  'loads-wait',
  'refused',
  'slow',
  'behind',
  'backlog',
  'paused',
  'draining',
  'expensive',
] as const;

/** What may be wrong. */
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

/** What waits. */
export interface Undelivered {
  /** Batches on their way to subscriptions; load windows are apart. */
  readonly batches: number;
  /** Events of those batches; one that is delivered in part counts as a whole. */
  readonly events: number;
  /** Load windows that have not loaded. */
  readonly windows: number;
  readonly oldestSeconds: number;
}

/** One thing that is wrong, or that somebody has stopped. */
export interface Problem {
  /** `failing`: somebody should look. `held`: a person has wanted it so. `notice`: it works, and costs much. */
  readonly level: 'failing' | 'held' | 'notice';
  readonly kind: ProblemKind;
  readonly tenant?: string;
  readonly subscription?: string;
  /** Since when, RFC 3339, where that is known. */
  readonly since?: string;
  /** When this was asked, RFC 3339, where that was long before the rest. */
  readonly asOf?: string;
  /** What waits for it. */
  readonly undelivered?: Undelivered;
  /** In the words of the receiver, or of the warehouse. */
  readonly lastError?: string;
  /** What is wrong, in one line. */
  readonly what: string;
  /** The command to go on with, where there is one. */
  readonly command?: string;
  /** The page of the runbook to go on with, such as `docs/runbook/temporal-away.md`. */
  readonly page: string;
}

/** How the process stands that all tenants share. */
export interface NodeStatus {
  readonly spool: { readonly bytes: number; readonly limitBytes: number; readonly oldestSeconds: number };
  readonly disks: readonly { readonly name: string; readonly freeBytes: number }[];
  /** Bytes that are to stay free on each disk. */
  readonly diskReserveBytes: number;
}

/** How Headgate stands. */
export interface StatusReport {
  /** `unknown`: nothing fails that is known, and how subscriptions stand cannot be told. */
  readonly verdict: 'well' | 'failing' | 'unknown';
  readonly at: string;
  /** When Temporal was asked what waits; absent while that cannot be told. */
  readonly lookedAt?: string;
  /**
   * When the subscription was asked how it stands that was asked longest ago; absent until all have been. Where something may
   * have changed they are asked first, so that what this says of is calm.
   */
  readonly oldestLookAt?: string;
  readonly temporal: { readonly reachable: boolean; readonly since: string };
  /** Tenants in reach, and those of which something fails. */
  readonly tenants: number;
  readonly tenantsFailing: number;
  readonly subscriptions: number;
  readonly undelivered: Undelivered;
  /** Events of these tenants that Temporal does not have yet. */
  readonly backlog: { readonly bytes: number; readonly oldestSeconds: number };
  readonly node?: NodeStatus;
  /** The worst first. */
  readonly problems: readonly Problem[];
  /** Problems that were left out. */
  readonly moreProblems: number;
}

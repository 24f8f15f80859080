/** A tenant that is written to, and the token that allows it. */
export interface LoadTenant {
  readonly tenant: string;
  readonly token: string;
}

/** How requests follow each other. */
export type Pace =
  /** Each connection sends its next request when the last is answered: finds what the system can take. */
  | { readonly kind: 'closed'; readonly connections: number; readonly honourRetryAfter: boolean }
  /**
   * Requests start at fixed times whatever the answers do; latency counts from those times, so that a stall shows in
   * every request it delays (no coordinated omission).
   */
  | { readonly kind: 'open'; readonly eventsPerSecond: number; readonly connections: number };

/** One kind of producers, posting to some tenants in turn. */
export interface Traffic {
  readonly name: string;
  /** Indexes into {@link LoadSpec.tenants}. */
  readonly tenants: readonly number[];
  /** Events in a request: always as many, or evenly from the first to the last number. */
  readonly requestEvents: number | readonly [number, number];
  readonly pace: Pace;
  /** Whether each request has a connection of its own. Default false: they are used again. */
  readonly newConnections?: boolean;
}

/** Single events with a subject of their own, each followed until its decision can be read. */
export interface Probes {
  readonly name: string;
  readonly tenants: readonly number[];
  readonly perSecond: number;
}

/** What a load generator is to do. */
export interface LoadSpec {
  readonly url: string;
  readonly tenants: readonly LoadTenant[];
  /** Subjects over all tenants; each belongs to one of them. */
  readonly subjects: number;
  readonly seconds: number;
  readonly traffic: readonly Traffic[];
  readonly probes: readonly Probes[];
  /** How often `/healthz` is asked a second. Default: never. */
  readonly healthPerSecond?: number;
}

/** Milliseconds. */
export interface Latency {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p99_9: number;
  readonly max: number;
}

/** What came of some traffic or probes. */
export interface LoadTally {
  requests: number;
  /** Events the API called accepted. */
  acknowledged: number;
  /** Events it called duplicate or rejected; there should be none. */
  unexpected: number;
  /** Requests it refused, by status. */
  refused: Record<string, number>;
  /** Requests without an answer, and the events in them: nobody knows whether those were taken. */
  unanswered: number;
  unansweredEvents: number;
  /** The first thing that went wrong, in words. */
  firstProblem?: string;
}

/** A tally, and the latency of its acknowledgements. */
export interface TrafficResult extends LoadTally {
  readonly acknowledgement: Latency;
}

/** What came of probes; latencies are from the POST. */
export interface ProbesResult extends TrafficResult {
  /** Until the decision could be read by GET. */
  readonly decision: Latency;
  /** Probes whose decision did not show within the time given. */
  readonly undecided: number;
}

/** What came of a {@link LoadSpec}. */
export interface LoadResult {
  /** Milliseconds since the epoch: the first POST, and the last answer to one that is no probe. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly traffic: Readonly<Record<string, TrafficResult>>;
  readonly probes: Readonly<Record<string, ProbesResult>>;
  /** How long `/healthz` took to answer 200, from when it was due; the rest of the requests is `failed`. */
  readonly health?: Latency & { readonly failed: number };
}

/** What a generator says while it works, about once a second. */
export interface LoadProgress {
  readonly acknowledged: number;
  readonly refused: number;
}

/** From the harness to the generator. */
export type LoadRequest = { readonly kind: 'run'; readonly spec: LoadSpec };

/** From the generator to the harness. */
export type LoadMessage =
  | { readonly kind: 'progress'; readonly progress: LoadProgress }
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };

import type { SubscriptionKind } from '../subscription.js';

/** What every subscription has. */
interface SubscriptionBase {
  /** Unique in the tenant; `warehouse`, `eligibility` and `ingest` are taken. */
  readonly name: string;
  readonly kind: SubscriptionKind;
  readonly limits: {
    /** Events per second that are delivered, by each process. Default: none. */
    readonly eventsPerSecond?: number;
    /** Batches handed to it per second, by Temporal, for all processes. Default 50. */
    readonly activitiesPerSecond: number;
  };
  /** Dead letters are kept for it, and what waits for a paused subscription. Default: the tenant's. */
  readonly retentionMs?: number;
}

/** How often, and how fast, a failed delivery is tried again. */
export interface RetryPolicy {
  /**
   * Pauses between attempts, in milliseconds; one more attempt than pauses, then a dead letter. Each pause gets up to a
   * fifth of jitter. Default 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
   */
  readonly scheduleMs: readonly number[];
}

/** A webhook. @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
export interface PushConfig extends SubscriptionBase {
  readonly kind: 'push';
  /** https, or http where the target is allowed by `HEADGATE_PUSH_ALLOW`. */
  readonly url: string;
  /**
   * Where signing secrets come from: `env:HEADGATE_SECRET_<TENANT>__<NAME>`, or literally in development. `whsec_…` signs by HMAC-SHA256, `whsk_…` by
   * ed25519. All sign: that is how a secret is rotated with overlap. Default: none, unsigned.
   */
  readonly secrets: readonly string[];
  /** Further headers; a value `env:HEADGATE_SECRET_<TENANT>__<NAME>` is taken from the environment. */
  readonly headers: Readonly<Record<string, string>>;
  /** `event`: one a request, CloudEvents structured JSON. `batch`: many, CloudEvents JSON batch. Default `event`. */
  readonly format: 'event' | 'batch';
  /** Events of a request with `format: batch`. Default 100. */
  readonly maxEvents: number;
  /** Until an answer has come. Default 15 s. */
  readonly timeoutMs: number;
  /** Requests at once, at most. Default 32. */
  readonly maxConcurrency: number;
  readonly retry: RetryPolicy;
  /** Consecutive failures, without one success within a day, after which it is disabled. Default 100. */
  readonly disableAfterFailures: number;
}

/** A queue that consumers take from. */
export interface PullConfig extends SubscriptionBase {
  readonly kind: 'pull';
  /** How long a consumer may take, if it does not ask for another time. 10 s to 10 min, default 60 s. */
  readonly ackDeadlineMs: number;
  /** Deliveries after which an event becomes a dead letter. 5 to 100, default 5. */
  readonly maxAttempts: number;
  /** CEL over `event` that gives text: events of the same key are handed out one after the other. Default: none. */
  readonly orderingKey?: string;
}

/** Events that start or signal workflows of the tenant's own. */
export interface WorkflowConfig extends SubscriptionBase {
  readonly kind: 'workflow';
  /** Workflow type, task queue, workflow id and signal: CEL over `event` that gives text. */
  readonly workflow: string;
  readonly taskQueue: string;
  readonly id: string;
  readonly signal: string;
  /** Signals at once, at most, by each process; never two to one workflow id. Default 32. */
  readonly maxConcurrency: number;
  readonly retry: RetryPolicy;
}

/** Where events of a tenant go besides its warehouse and its rules. */
export type SubscriptionConfig = PushConfig | PullConfig | WorkflowConfig;

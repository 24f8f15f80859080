import type { Priority } from '../tenants/subscription.js';

/** Which events go where. */
export interface RouteConfig {
  readonly match: {
    /** Exact, or a prefix as `booking.*`; `*` is every type. Types of derived events begin with `headgate.`, and only a pattern that does matches them. */
    readonly type?: string;
    readonly stream?: string;
    readonly priority?: string;
    readonly stage?: string;
    /** CEL over `event`; an event on which it fails does not match. */
    readonly when?: string;
  };
  /** Names of subscriptions. */
  readonly to: readonly string[];
  /** For these events and subscriptions. Default: the event's own, if it is high, normal or low; else normal. */
  readonly priority?: Priority;
}

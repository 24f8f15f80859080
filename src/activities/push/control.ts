import type { BatchRef } from '../../events/event.js';
import type { Tried } from '../../subscriptions/failing.js';
import type { AlertLevel, BreakerState } from './breaker.js';

/** Why a subscription is disabled: its receiver answered 410, or has failed for a day and more. */
type DisableReason = 'gone' | 'failing';

/**
 * What passes report of a subscription, and ask: implemented where its queue's rate is. What returns a promise is waited for
 * before the pass returns, so that the next pass finds the queue as it should be; a rejection delays the next pass.
 */
export interface PushControl {
  /** True while nothing may be posted, as far as this process knows: paused by somebody, or disabled. Asked before each request. */
  isStopped(tenant: string, subscription: string): boolean;
  /** The breaker has opened or closed. While it is open the queue should hand out few passes: each is a probe. */
  observe(tenant: string, subscription: string, breaker: BreakerState): Promise<unknown> | void;
  /** Nothing can be posted as things are here, whatever the receiver does: `<code>: <sentence>`. */
  fault(tenant: string, subscription: string, fault: string): Promise<unknown> | void;
  /** Nothing more is to be posted until somebody resumes the subscription. */
  disable(tenant: string, subscription: string, reason: DisableReason): Promise<unknown> | void;
  /** How a request went that tells something of its endpoint; called for each. */
  tried(tenant: string, subscription: string, tried: Tried): void;
  /** Somebody has resumed it: what this process has written of it may be old. */
  resumed(tenant: string, subscription: string): void;
  /** It is so far on its way to be disabled, in percent of the failures in a row that it may have. */
  alert(tenant: string, subscription: string, level: AlertLevel, breaker: BreakerState): void;
}

/** One request that was made. */
export interface PushedRequest {
  readonly ok: boolean;
  /** Events it carried. */
  readonly events: number;
  /** Of them, those that had been tried before. */
  readonly retried: number;
  /** Bytes of its body. */
  readonly bytes: number;
  readonly seconds: number;
  /** Of which batch they are. */
  readonly batch: BatchRef;
  /** Names the redrive or the replay that they are delivered again by. */
  readonly cause?: string;
}

/** What is measured of passes; called per request and per pass, never per event. */
export interface PushObserver {
  requested(tenant: string, subscription: string, request: PushedRequest): void;
  /** A pass has ended: activity time. */
  passed(tenant: string, subscription: string, seconds: number): void;
}

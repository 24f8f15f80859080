import type { Latency } from '../load/spec.js';

/** What has arrived somewhere. */
export interface Arrived {
  /** Events, those that came more than once counted as often. */
  readonly received: number;
  readonly distinct: number;
  /** Since the measurement began: how long events took from their POST to here, the first time each came. */
  readonly latency: Latency;
  /** Since the measurement began: the first and the last arrival, milliseconds since the epoch; 0 for none. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** How an endpoint of the receiver answers. */
export type Behaviour =
  /** 204 at once. */
  | { readonly kind: 'well' }
  /** After a while, and to a share of the requests with 503. */
  | { readonly kind: 'failing'; readonly share: number; readonly delayMs: number }
  /** Never. */
  | { readonly kind: 'hanging' }
  /** By closing the connection, as a receiver that restarts does. */
  | { readonly kind: 'restarting' }
  /** With a status of its own, such as 410. */
  | { readonly kind: 'refusing'; readonly status: number };

/** What the process that receives webhooks is asked. An endpoint is a path; it begins well. */
export type ReceiverRequest =
  | { readonly kind: 'listen' }
  | { readonly kind: 'behave'; readonly endpoint: string; readonly behaviour: Behaviour }
  | { readonly kind: 'begin'; readonly endpoint: string }
  | { readonly kind: 'arrived'; readonly endpoint: string };

/** What the process that pulls is asked. */
export type ConsumersRequest =
  | {
      readonly kind: 'start';
      readonly url: string;
      readonly token: string;
      readonly subscription: string;
      readonly consumers: number;
    }
  | { readonly kind: 'stop' }
  | { readonly kind: 'begin' }
  | { readonly kind: 'arrived' };

/** From the harness, with a number that the answer carries, too. */
export interface Question<Request> {
  readonly number: number;
  readonly request: Request;
}

/** To the harness. */
export type Answer =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly failure: string };

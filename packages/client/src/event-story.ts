import type { InputStream } from './send.js';

/** What became of an event. Answers may have more members than these. */
export interface EventStory {
  readonly id: string;
  readonly source: string;
  readonly stream: InputStream;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly receivedAt: string;
  /** `accepted` while it is on disk, and in no batch yet that Temporal has. */
  readonly state: 'accepted' | 'batched';
  readonly batchId?: string;
  readonly decisions?: readonly {
    readonly rule: string;
    readonly ruleVersion: string;
    readonly outcome: 'eligible' | 'ineligible';
    readonly reason: string;
  }[];
  /** What its subscriptions got; absent until its batch has ended, and where no route has matched. */
  readonly deliveries?: readonly {
    readonly subscription: string;
    readonly of: 'events' | 'decisions';
    readonly state:
      'running' | 'delivered' | 'dead-lettered' | 'redriven' | 'discarded' | 'expired' | 'ended' | 'unknown';
    /** The last 20, the oldest first. */
    readonly attempts: readonly {
      readonly attempt: number;
      readonly outcome: 'delivered' | 'failed';
      readonly at: string;
      readonly status?: number;
      readonly error?: string;
      /** The redrive or replay that made it; absent for the first delivery. */
      readonly cause?: string;
    }[];
    readonly deadLetters: readonly {
      readonly id: string;
      readonly reason: string;
      readonly status: string;
    }[];
  }[];
}

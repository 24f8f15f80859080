import { randomUUID } from 'node:crypto';
import { call, type Endpoint } from './call.js';
import type { NewEvent } from './cloudevent.js';
import { consume, type ConsumeOptions, type Consumer, type Handler } from './consumer.js';
import type { EventStory } from './event-story.js';
import { HeadgateError } from './error.js';
import { createPublisher, type Publisher } from './publisher.js';
import type { PublisherOptions } from './publisher-options.js';
import type { StatusReport } from './status.js';
import { groupLines, postLines, type EventOutcome, type InputStream } from './send.js';

export type { EventStory } from './event-story.js';
export { HeadgateError, type ClientErrorCode, type HeadgateErrorOptions } from './error.js';
export type { CloudEvent, NewEvent } from './cloudevent.js';
export type { ConsumeOptions, Consumer, Delivery, Handler } from './consumer.js';
export type { EventToPublish, Publisher } from './publisher.js';
export type { PublisherLimits, PublisherOptions } from './publisher-options.js';
export type { PublishedOutcome } from './waiting-events.js';
export { sendLines } from './send.js';
export type {
  AcknowledgedEvent,
  EventOutcome,
  InputStream,
  RejectedLine,
  SendOptions,
  SendTally,
} from './send.js';
export type { StatusProblem, StatusReport, Undelivered } from './status.js';
export { verifyWebhook, type VerifyOptions, type WebhookHeaders } from './webhook.js';

/** How to reach Headgate. */
export interface ClientOptions {
  /** Address of the API, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * A token, or what gives one that is valid now: after a 401 with the token that was refused, and then another one is tried
   * once. The tenant is the token's, or, with an operator's, `tenant`.
   */
  readonly token: string | ((refused?: string) => string | Promise<string>);
  /** Whom it is about: needed with the token of an operator, which is for several tenants. */
  readonly tenant?: string;
}

/** What has been decided about a subject. */
export interface SubjectDecisions {
  readonly subject: string;
  /** Whom it is merged into, and whose properties and decisions these are; absent where it is merged into none. */
  readonly mergedInto?: string;
  /** Its properties. */
  readonly profile: Readonly<Record<string, unknown>>;
  readonly decisions: readonly {
    readonly rule: string;
    readonly ruleVersion: string;
    readonly outcome: 'eligible' | 'ineligible';
    readonly reason: string;
    readonly eventId: string;
    /** The event's source; absent in what version 0.1.0 has decided. */
    readonly eventSource?: string;
    readonly time: string;
  }[];
  /** Events that the subject's aggregates could not fold; absent where there are none. */
  readonly failures?: readonly {
    readonly aggregate: string;
    readonly count: number;
    /** Why the last one could not be folded. */
    readonly code: string;
    /** Of the last one: the event's time. */
    readonly time: string;
  }[];
}

/** Which usage is asked for. */
export interface UsageQuery {
  /** First and last day, `YYYY-MM-DD`, UTC. Default: this month up to today. */
  readonly from?: string;
  readonly to?: string;
  /** What the rows are of. Default `day`. */
  readonly by?: 'day' | 'stream' | 'subscription' | 'tenant';
}

/** What has been used, and what that costs where the operator has set prices. */
export interface UsageFigures {
  readonly events: number;
  readonly bytesIn: number;
  readonly storedBytes: number;
  readonly decisions: number;
  readonly loadedRows: number;
  readonly deliveredEvents: number;
  readonly deliveryAttempts: number;
  readonly activitySeconds: number;
  readonly cpuSeconds: number;
  readonly workflows: number;
  readonly actions: number;
  /** An exact decimal, in the report's currency. */
  readonly cost?: string;
}

/** What a tenant has used, or all that an operator reaches. */
export interface UsageReport {
  readonly tenant?: string;
  readonly from: string;
  readonly to: string;
  readonly by: 'day' | 'stream' | 'subscription' | 'tenant';
  readonly currency?: string;
  readonly rows: readonly (UsageFigures & {
    readonly tenant?: string;
    readonly day?: string;
    readonly stream?: string;
    readonly subscription?: string;
  })[];
  readonly total: UsageFigures;
}

/** A tenant's Headgate. What it throws is a HeadgateError `REQUEST_FAILED`, with the answer's status and code as `details`. */
export interface HeadgateClient {
  /**
   * Sends events, in order, and tells what has become of each. A request without an answer, or with 408, 429 or 5xx, is
   * sent again for minutes; nothing doubles by that, since events have ids.
   */
  publish(
    stream: InputStream,
    events: readonly NewEvent[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<EventOutcome[]>;
  /**
   * Starts to publish in the background: events are taken at once, and sent in batches.
   * @throws HeadgateError `OPTION_INVALID`
   */
  publisher(options?: PublisherOptions): Publisher;
  /** Starts to handle the events of a pull subscription. */
  consume(subscription: string, handler: Handler, options?: ConsumeOptions): Consumer;
  /** What became of the events of an id, the newest first; empty where none that is kept has it. */
  event(
    id: string,
    options?: { readonly source?: string; readonly stream?: InputStream },
  ): Promise<readonly EventStory[]>;
  /** The latest decision of each rule on a subject; undefined when it is not known. */
  decisions(subject: string): Promise<SubjectDecisions | undefined>;
  /** What the tenant has used; the token needs the scope `usage:read`. */
  usage(query?: UsageQuery): Promise<UsageReport>;
  /**
   * What fails, what waits, and what to do about it: of the tenant, or with an operator's token of all that it reaches. Its
   * token needs the scope `status:read`.
   * @param limit most problems; default 50
   */
  status(options?: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<StatusReport>;
}

const REQUEST_EVENTS = 500;

/** Makes a client. It holds no connection of its own. */
export function createClient({ url, token, tenant }: ClientOptions): HeadgateClient {
  const endpoint: Endpoint = {
    url: url.replace(/\/+$/, ''),
    token: typeof token === 'string' ? () => token : token,
    tenant,
  };
  return {
    publish: async (stream, events, { signal } = {}) => {
      const lines = events.map((event) =>
        JSON.stringify({ ...event, specversion: '1.0', id: event.id ?? randomUUID() }),
      );
      const outcomes: EventOutcome[] = [];
      for await (const group of groupLines(lines, REQUEST_EVENTS)) {
        const { results } = await postLines({ ...endpoint, stream, signal }, group);
        const offset = outcomes.length;
        outcomes.push(...results.map((result) => ({ ...result, index: result.index + offset })));
      }
      return outcomes;
    },
    publisher: (options) => createPublisher(endpoint, options),
    consume: (subscription, handler, options) => consume(endpoint, subscription, handler, options),
    usage: (query = {}) => {
      const path = `/v1/usage?${new URLSearchParams({ ...query }).toString()}`;
      const read = (status: number, body: unknown): UsageReport | undefined =>
        status === 200 ? (body as UsageReport | undefined) : undefined;
      return call(endpoint, { path, method: 'GET', read });
    },
    event: async (id, { source, stream } = {}) => {
      const query = new URLSearchParams({
        ...(source !== undefined && { source }),
        ...(stream && { stream }),
      });
      const path = `/v1/events/${encodeURIComponent(id)}?${query.toString()}`;
      const read = (status: number, body: unknown): readonly EventStory[] | undefined =>
        status === 200 ? (body as { events: readonly EventStory[] } | undefined)?.events : undefined;
      try {
        return await call(endpoint, { path, method: 'GET', read });
      } catch (error) {
        if (error instanceof HeadgateError && error.details?.code === 'EVENT_NOT_FOUND') return [];
        throw error;
      }
    },
    status: ({ limit = 50, signal } = {}) => {
      const read = (status: number, body: unknown): StatusReport | undefined =>
        status === 200 ? (body as StatusReport | undefined) : undefined;
      return call(endpoint, { path: `/v1/status?limit=${limit}`, method: 'GET', signal, read });
    },
    decisions: async (subject) => {
      try {
        const path = `/v1/eligibility/${encodeURIComponent(subject)}`;
        const read = (status: number, body: unknown): SubjectDecisions | undefined =>
          status === 200 ? (body as SubjectDecisions | undefined) : undefined;
        return await call(endpoint, { path, method: 'GET', read });
      } catch (error) {
        if (error instanceof HeadgateError && error.details?.code === 'NOT_FOUND') return undefined;
        throw error;
      }
    },
  };
}

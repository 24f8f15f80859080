import type {
  PullConfig,
  PushConfig,
  RetryPolicy,
  SubscriptionConfig,
  WorkflowConfig,
} from './subscription-config.js';
import { parseDuration } from '../../platform/units.js';

interface RawShared {
  readonly name: string;
  readonly limits?: { readonly eventsPerSecond?: number; readonly activitiesPerSecond?: number };
  readonly retention?: string;
}

interface RawRetry {
  readonly retry?: { readonly schedule?: readonly string[] };
}

interface RawPush extends RawShared, RawRetry, Partial<Pick<PushConfig, 'headers' | 'format' | 'maxEvents'>> {
  readonly kind: 'push';
  readonly url: string;
  readonly secret?: string;
  readonly secrets?: readonly string[];
  readonly timeout?: string;
  readonly maxConcurrency?: number;
  readonly disableAfterFailures?: number;
}

interface RawPull extends RawShared {
  readonly kind: 'pull';
  readonly ackDeadline?: string;
  readonly maxAttempts?: number;
  readonly orderingKey?: string;
}

interface RawWorkflow
  extends RawShared, RawRetry, Pick<WorkflowConfig, 'workflow' | 'taskQueue' | 'id' | 'signal'> {
  readonly kind: 'workflow';
  readonly maxConcurrency?: number;
}

/** A subscription as written, once it fits the schema. */
export type RawSubscription = RawPush | RawPull | RawWorkflow;

/** Three days in ten attempts. @see the Standard Webhooks specification, section "Retries" */
const SCHEDULE = ['5s', '5m', '30m', '2h', '5h', '10h', '14h', '20h', '24h'];

/** Fills in the defaults and turns durations into numbers. */
export function completeSubscription(raw: RawSubscription): SubscriptionConfig {
  switch (raw.kind) {
    case 'push':
      return completePush(raw);
    case 'pull':
      return completePull(raw);
    case 'workflow': {
      const { kind, workflow, taskQueue, id, signal, maxConcurrency = 32 } = raw;
      const templates = { workflow, taskQueue, id, signal };
      return { ...shared(raw), kind, ...templates, maxConcurrency, retry: retryOf(raw) };
    }
  }
}

function completePush(raw: RawPush): PushConfig {
  return {
    ...shared(raw),
    kind: raw.kind,
    url: raw.url,
    secrets: [...(raw.secret === undefined ? [] : [raw.secret]), ...(raw.secrets ?? [])],
    headers: raw.headers ?? {},
    format: raw.format ?? 'event',
    maxEvents: raw.maxEvents ?? 100,
    timeoutMs: parseDuration(raw.timeout ?? '15s')!,
    maxConcurrency: raw.maxConcurrency ?? 32,
    retry: retryOf(raw),
    disableAfterFailures: raw.disableAfterFailures ?? 100,
  };
}

function completePull(raw: RawPull): PullConfig {
  return {
    ...shared(raw),
    kind: raw.kind,
    ackDeadlineMs: parseDuration(raw.ackDeadline ?? '60s')!,
    maxAttempts: raw.maxAttempts ?? 5,
    ...(raw.orderingKey !== undefined && { orderingKey: raw.orderingKey }),
  };
}

function shared({ name, limits = {}, retention }: RawShared) {
  return {
    name,
    limits: { ...limits, activitiesPerSecond: limits.activitiesPerSecond ?? 50 },
    ...(retention !== undefined && { retentionMs: parseDuration(retention)! }),
  };
}

function retryOf({ retry }: RawRetry): RetryPolicy {
  return { scheduleMs: (retry?.schedule ?? SCHEDULE).map((pause) => parseDuration(pause)!) };
}

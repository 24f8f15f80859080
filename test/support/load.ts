import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { tokenFor } from './producer.js';
import type { Workload, WorkloadRequest } from './workload.js';

/** A request that is not acknowledged within this has met something that does not recover. */
const ACKNOWLEDGED_WITHIN_MS = 90_000;
const RETRY_MS = 100;

/** Where a load goes, and how hard. */
export interface LoadOptions {
  /** Address of the API; asked before each attempt, since a restart may change it. */
  readonly url: () => string;
  readonly dataDir: string;
  /** Pause after each acknowledged request, in milliseconds. Default 30. */
  readonly pauseMs?: number;
  /** Begin with the request that was made last: it has had no answer yet. Default false. */
  readonly resend?: boolean;
  /** Told the ids of every acknowledged request. */
  readonly onAcknowledged?: (tenant: string, request: WorkloadRequest) => void;
}

/** A load under way. */
export interface Load {
  /** Events acknowledged so far. */
  acknowledged(): number;
  /** Answers other than 202 so far, such as `503 DISK_FULL`, and `error` for none. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Begins no further request and waits until those begun are acknowledged. */
  finish(): Promise<void>;
  /** Gives up at once, acknowledged or not: for after hooks. */
  abandon(): void;
}

/**
 * Sends the workloads at once, each in order with one request open, until it is told to finish. Tries a request again,
 * with the same ids, until it is acknowledged.
 */
export function startLoad(workloads: readonly Workload[], options: LoadOptions): Load {
  const refusals = new Map<string, number>();
  const abandoned = new AbortController();
  // Each request under way listens, and goes on to until it is collected.
  setMaxListeners(0, abandoned.signal);
  let acknowledged = 0;
  let finishing = false;

  async function send(workload: Workload): Promise<void> {
    const token = await tokenFor(options.dataDir, workload.tenant, 'events:write user-properties:write');
    let unanswered = options.resend === true;
    while ((!finishing || unanswered) && !abandoned.signal.aborted) {
      const request = unanswered ? workload.again() : workload.next();
      unanswered = false;
      await untilAcknowledged(request, token);
      acknowledged += request.events.length;
      options.onAcknowledged?.(workload.tenant, request);
      await sleep(options.pauseMs ?? 30);
    }
  }

  async function untilAcknowledged({ stream, events }: WorkloadRequest, token: string): Promise<void> {
    const deadline = Date.now() + ACKNOWLEDGED_WITHIN_MS;
    const body = JSON.stringify(events);
    while (!abandoned.signal.aborted) {
      const status = await post(`${options.url()}/v1/${stream}`, token, body, abandoned.signal);
      if (status === '202') return;
      refusals.set(status, (refusals.get(status) ?? 0) + 1);
      if (!retryable(status)) throw new Error(`a request of the load was answered ${status}`);
      if (Date.now() > deadline) throw new Error(`not acknowledged in time; the last answer was ${status}`);
      await sleep(RETRY_MS);
    }
  }

  const sending = Promise.all(workloads.map(send));
  // Reported by `finish`; until then a rejection is not "unhandled".
  sending.catch(() => undefined);
  return {
    refusals,
    acknowledged: () => acknowledged,
    finish: async () => {
      finishing = true;
      await sending;
    },
    abandon: () => abandoned.abort(),
  };
}

function retryable(status: string): boolean {
  return status === 'error' || status.startsWith('429') || status.startsWith('5');
}

/**
 * `202`, or the status and code of the problem and whether it says when to try again, or `error`: a broken connection
 * leaves open whether the events were taken.
 */
async function post(url: string, token: string, body: string, signal: AbortSignal): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents-batch+json' };
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    const { rejected = 0, code } = (await response.json()) as { rejected?: number; code?: string };
    if (rejected > 0) return `${response.status} with ${rejected} events rejected`;
    if (response.status === 202) return '202';
    return `${response.status} ${code}${response.headers.has('retry-after') ? '' : ' without Retry-After'}`;
  } catch {
    return 'error';
  }
}

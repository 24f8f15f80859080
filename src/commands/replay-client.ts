import { HeadgateError, messageOf } from '../errors.js';
import type { Reach } from '../replays/replay-reach.js';
import type { ReplaySummary, ReplayView } from '../replays/replays.js';
import type { ReplayRequest } from '../replays/replay-request.js';

export type { Reach, ReplayRequest, ReplaySummary, ReplayView };

/** A tenant's replays, over HTTP. All of it throws HeadgateError `REQUEST_FAILED`. */
export interface ReplayClient {
  start(request: ReplayRequest): Promise<ReplaySummary>;
  list(): Promise<{ readonly replays: readonly ReplaySummary[]; readonly reach: Reach }>;
  show(id: string): Promise<ReplayView>;
  cancel(id: string): Promise<void>;
}

/**
 * Builds a client of the replay routes.
 * @param url address of the API, such as `http://127.0.0.1:8080`
 * @param token gives a token that is valid now; asked for each request
 */
export function createReplayClient(url: string, token: () => Promise<string>): ReplayClient {
  async function ask<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' };
    let response: Response;
    try {
      response = await fetch(`${url}/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
    } catch (error) {
      const reason = messageOf((error as Error).cause ?? error);
      const options = { retryable: true, cause: error };
      throw new HeadgateError('REQUEST_FAILED', `${url} cannot be reached: ${reason}`, options);
    }
    const answer = (await response.json().catch(() => ({}))) as T & { detail?: string };
    if (response.ok) return answer;
    const detail = answer.detail ?? `HTTP ${response.status}`;
    const retryable = response.status === 429 || response.status >= 500;
    throw new HeadgateError('REQUEST_FAILED', `${url} answers: ${detail}`, { retryable });
  }

  return {
    start: (request) => ask('POST', 'replays', request),
    list: () => ask('GET', 'replays'),
    show: (id) => ask('GET', `replays/${encodeURIComponent(id)}`),
    cancel: (id) => ask('POST', `replays/${encodeURIComponent(id)}/cancel`),
  };
}

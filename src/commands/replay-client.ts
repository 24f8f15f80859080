import type { Reach } from '../replays/replay-reach.js';
import type { ReplaySummary, ReplayView } from '../replays/replays.js';
import type { ReplayRequest } from '../replays/replay-request.js';
import type { CommandApi } from './call-api.js';

export type { Reach, ReplayRequest, ReplaySummary, ReplayView };

/** A tenant's replays, over HTTP. All of it throws HeadgateError `REQUEST_FAILED`. */
export interface ReplayClient {
  start(request: ReplayRequest): Promise<ReplaySummary>;
  list(): Promise<{ readonly replays: readonly ReplaySummary[]; readonly reach: Reach }>;
  show(id: string): Promise<ReplayView>;
  /** The same, however often its API starts again meanwhile; see {@link CommandApi.follow}. */
  follow(id: string): Promise<ReplayView>;
  cancel(id: string): Promise<void>;
}

/** Builds a client of the replay routes. */
export function createReplayClient(api: CommandApi): ReplayClient {
  const pathOf = (id: string): string => `/v1/replays/${encodeURIComponent(id)}`;
  return {
    start: (request) => api.call('POST', '/v1/replays', request),
    list: () => api.call('GET', '/v1/replays'),
    show: (id) => api.call('GET', pathOf(id)),
    follow: (id) => api.follow(pathOf(id)),
    cancel: (id) => api.call('POST', `${pathOf(id)}/cancel`),
  };
}

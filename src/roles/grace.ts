import type { Roles } from './roles.js';

/** How the time that a node has for its end is shared out, in seconds from when each part begins. */
export interface Grace {
  /** For the API to answer open requests, and to see batches through to the end of their workflows. */
  readonly apiSeconds: number;
  /** For activities to finish, before they are told to stop. */
  readonly activitySeconds: number;
}

/**
 * Shares out `HEADGATE_SHUTDOWN_GRACE_SECONDS`: the API stops before the Workers, which see its last batches through,
 * and both together leave some of it for activities that are told to stop, and for what is closed at last.
 */
export function shareGrace(graceSeconds: number, { api, worker }: Roles): Grace {
  return {
    apiSeconds: graceSeconds * (worker ? 0.5 : 0.8),
    activitySeconds: graceSeconds * (api ? 0.3 : 0.7),
  };
}

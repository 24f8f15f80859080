import { MAX_HOPS, hopsOf } from '../../events/delivered-event.js';
import type { EventRow, InputStream } from '../../events/event.js';
import type { LoadedTenant } from '../../tenants/config/registry.js';
import type { ReplayTask } from '../../workflows/messages/replays.js';

/** Where a replay delivers events. */
export interface ReplayTargets {
  /** Names of the subscriptions an event goes to; none for one that has passed too many stages. */
  of(event: EventRow, stream: InputStream): readonly string[];
}

/**
 * The targets of a replay: what the tenant's routes say, as they are now, narrowed down to one subscription where it is for
 * one. A subscription that no route names takes every event of the replay's types.
 */
export function targetsOf(task: ReplayTask, { config, router }: LoadedTenant): ReplayTargets {
  const only = task.kind === 'decide' ? undefined : task.subscription;
  const isRouted = only === undefined || config.routes.some(({ to }) => to.includes(only));
  const all = isRouted ? undefined : [only];
  return {
    of: (event, stream) => {
      if (isLooped(event)) return [];
      if (all !== undefined) return all;
      const found = router?.targets(event, stream).map(({ subscription }) => subscription) ?? [];
      return only === undefined ? found : found.filter((name) => name === only);
    },
  };
}

/** True for an event that subscribers answer in a circle: live, it became a dead letter. */
export function isLooped(event: EventRow): boolean {
  return hopsOf(event) >= MAX_HOPS;
}

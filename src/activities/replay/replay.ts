import { HeadgateError } from '../../errors.js';
import type { BatchRef } from '../../events/event.js';
import type { LoadedTenant } from '../../tenants/config/registry.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import { Turns } from '../../platform/event-loop-turns.js';
import { KeyedMutex } from '../../platform/keyed-mutex.js';
import { assertTenantId } from '../../tenants/ids.js';
import {
  NO_COUNTS,
  addCounts,
  type RedecideInput,
  type ReplayPageInput,
  type ReplayPageResult,
  type ReplayProgress,
  type ReplayReport,
} from '../../workflows/messages/replays.js';
import type { StartDeliveriesInput } from '../../workflows/messages/deliveries.js';
import { whileHeartbeating } from '../heartbeats.js';
import { DeliverPage } from './deliver-page.js';
import { Redecision, type MakeCurrent } from './redecide.js';
import { RouteCounts } from './route-counts.js';
import { SubjectBudget } from './subjects-in-memory.js';
import { targetsOf } from './targets.js';
import { warmUpNotes } from './warm-up.js';

/** What the replay activities work with. */
export interface ReplayActivitiesOptions {
  readonly store: BatchStore;
  /** The tenant's configuration as it is now. */
  readonly current: (tenant: string) => LoadedTenant;
  /** A version of the tenant's configuration. */
  readonly versionOf: (tenant: string, version: string) => Promise<LoadedTenant>;
  readonly startDeliveries: (input: StartDeliveriesInput) => Promise<readonly string[]>;
  readonly announce: (batches: readonly BatchRef[]) => Promise<unknown>;
  /** Subjects that deciding again may hold in memory. Default: {@link replayMemory}, for these activities alone. */
  readonly budget?: SubjectBudget;
  /** Makes decisions current; only the process that owns the state can. */
  readonly makeCurrent?: MakeCurrent;
  /** Shares the event loop between tenants. Default: turns of its own. */
  readonly turns?: Turns;
  /** Milliseconds between heartbeats; default 5,000. */
  readonly heartbeatIntervalMs?: number;
}

/** The activities of replays. */
export interface ReplayActivities {
  /** Delivers a page of kept batches again. */
  replayPage(input: ReplayPageInput): Promise<ReplayPageResult>;
  /**
   * Decides on a range again, compares and, unless it is a dry run, records. Fails for good with type `RULES_UNKNOWN`
   * (no such version), `REPLAY_TOO_LARGE` (too many subjects) or `STATE_ELSEWHERE` (decisions are to become current, and
   * the state is in another process).
   */
  redecide(input: RedecideInput): Promise<Omit<ReplayReport, 'seconds'>>;
}

const HEARTBEAT_MS = 5_000;
const MAX_SUBJECTS = { each: 100_000, all: 200_000 };

/** The memory that a process has for replays: one tenant's, and all tenants' together, some 600 MB. */
export function replayMemory(): SubjectBudget {
  return new SubjectBudget(MAX_SUBJECTS);
}

/** Builds the activities. A process decides on one range of a tenant at a time, since that holds its subjects in memory. */
export function createReplayActivities(options: ReplayActivitiesOptions): ReplayActivities {
  const { store, current, announce, heartbeatIntervalMs = HEARTBEAT_MS } = options;
  const redeciding = new KeyedMutex();
  const turns = options.turns ?? new Turns();
  const { budget = replayMemory() } = options;

  return {
    replayPage: (input) => {
      const tenant = current(assertTenantId(input.tenant));
      const page = new DeliverPage({ ...options, input, tenant, turns });
      const progress = (): ReplayProgress => ({ ...addCounts(input.soFar, page.soFar), phase: 'range' });
      return whileHeartbeating(heartbeatIntervalMs, (signal) => page.run(signal), progress);
    },
    redecide: (input) => {
      let progress = (): ReplayProgress => ({ ...NO_COUNTS, phase: 'waiting' });
      const work = async (signal?: AbortSignal): Promise<Omit<ReplayReport, 'seconds'>> => {
        const makeCurrent = makeCurrentOf(input, options);
        const chosen = await options.versionOf(assertTenantId(input.tenant), input.version);
        const routes = routesOf(input, current);
        const notes = await warmUpNotes(store, input, chosen.rules);
        return redeciding.run(input.tenant, () => {
          signal?.throwIfAborted();
          const parts = { store, announce, budget, turns };
          const redecision = new Redecision({ ...parts, input, chosen, routes, notes, makeCurrent });
          progress = () => redecision.progress();
          return redecision.run(signal);
        });
      };
      return whileHeartbeating(heartbeatIntervalMs, work, () => progress());
    },
  };
}

function makeCurrentOf(
  { task }: RedecideInput,
  { makeCurrent }: ReplayActivitiesOptions,
): MakeCurrent | undefined {
  if (task.kind !== 'decide' || task.applyCurrent !== true) return undefined;
  if (makeCurrent !== undefined) return makeCurrent;
  throw new HeadgateError(
    'STATE_ELSEWHERE',
    'The state is not in this process. Ask the API of `headgate api` or `headgate start` for the replay, of this version.',
  );
}

/** A dry run of what delivers says how much it would. */
function routesOf(
  { tenant, task, dryRun }: RedecideInput,
  current: (tenant: string) => LoadedTenant,
): RouteCounts | undefined {
  if (task.kind === 'decide') return undefined;
  if (dryRun) return new RouteCounts(targetsOf(task, current(tenant)));
  throw new HeadgateError('REPLAY_INVALID', 'A replay that delivers decides on nothing again.');
}

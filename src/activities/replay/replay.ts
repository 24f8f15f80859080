import { HeadgateError } from '../../errors.js';
import type { BatchRef } from '../../event.js';
import type { LoadedTenant } from '../../tenant-config/registry.js';
import type { BatchStore } from '../../stores/batch-store/batch-store.js';
import { Turns } from '../../event-loop-turns.js';
import { createTurns } from '../../turns.js';
import { assertTenantId } from '../../tenant.js';
import {
  NO_COUNTS,
  addCounts,
  type RedecideInput,
  type ReplayPageInput,
  type ReplayPageResult,
  type ReplayProgress,
  type ReplayReport,
} from '../../workflows/replay-messages.js';
import type { StartDeliveriesInput } from '../../workflows/delivery-messages.js';
import { whileHeartbeating } from '../heartbeats.js';
import { DeliverPage } from './deliver-page.js';
import { Redecision } from './redecide.js';
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
  /** Subjects that deciding again may hold in memory: one tenant's, and all tenants' together. Default 100,000 and 200,000, some 600 MB. */
  readonly maxSubjects?: { readonly each: number; readonly all: number };
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
   * (no such version) or `REPLAY_TOO_LARGE` (too many subjects).
   */
  redecide(input: RedecideInput): Promise<Omit<ReplayReport, 'seconds'>>;
}

const HEARTBEAT_MS = 5_000;
const MAX_SUBJECTS = { each: 100_000, all: 200_000 };

/** Builds the activities. A process decides on one range of a tenant at a time, since that holds its subjects in memory. */
export function createReplayActivities(options: ReplayActivitiesOptions): ReplayActivities {
  const { store, current, announce, heartbeatIntervalMs = HEARTBEAT_MS } = options;
  const inTurn = createTurns();
  const turns = options.turns ?? new Turns();
  const budget = new SubjectBudget(options.maxSubjects ?? MAX_SUBJECTS);

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
        const chosen = await options.versionOf(assertTenantId(input.tenant), input.version);
        const routes = routesOf(input, current);
        const notes = await warmUpNotes(store, input, chosen.rules);
        return inTurn(input.tenant, () => {
          signal?.throwIfAborted();
          const redecision = new Redecision({ input, store, chosen, routes, notes, announce, budget, turns });
          progress = () => redecision.progress();
          return redecision.run(signal);
        });
      };
      return whileHeartbeating(heartbeatIntervalMs, work, () => progress());
    },
  };
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

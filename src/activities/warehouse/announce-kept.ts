import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { STREAMS, type BatchName, type BatchRef, type Stream } from '../../events/event.js';
import { openIfThere, type BatchStore } from '../../stores/batch-store/batch-store.js';
import { assertTenantId } from '../../tenants/ids.js';
import type { ReloadDays, ReloadResult } from '../../workflows/messages/reloads.js';
import { whileHeartbeating } from '../heartbeats.js';
import type { AnnounceActivities } from './announce.js';

/** What {@link createAnnounceKept} needs. */
export interface AnnounceKeptDeps {
  readonly batchStore: Pick<BatchStore, 'list' | 'open'>;
  readonly announce: AnnounceActivities['announce'];
  /** Between two groups. Default 1,000: windows are to load what they have meanwhile. */
  readonly pauseMs?: number;
}

/**
 * Announces a tenant's kept batches for loading, those of the given days, in groups; see the workflow `reload`.
 * Fails with what the batch store throws, such as `BATCH_UNREACHABLE`, and is final with `TENANT_ERASED`.
 */
export type AnnounceKept = (batches: ReloadDays & { readonly tenant: string }) => Promise<ReloadResult>;

/** How far it is: what heartbeats say. */
interface Progress extends ReloadResult {
  readonly stream: Stream;
  /** The last batch that was looked at. */
  readonly after?: string;
}

/** Batches of a group: one signal to a load window, which holds 200. */
const GROUP = 100;
const PAUSE_MS = 1_000;
const HEARTBEAT_MS = 5_000;

const START: Progress = { stream: 'events', batches: 0, rows: 0, unreadable: 0 };

/** Builds the activity. */
export function createAnnounceKept({
  batchStore,
  announce,
  pauseMs = PAUSE_MS,
}: AnnounceKeptDeps): AnnounceKept {
  return async ({ tenant, from, to }) => {
    assertTenantId(tenant);
    // In the order of STREAMS, whose first is that of START.
    let progress = lastProgress() ?? START;
    const announceGroup = async (group: readonly BatchName[], signal?: AbortSignal): Promise<void> => {
      const refs = await refsOf(batchStore, group);
      if (refs.length > 0) await announce(refs);
      progress = after(progress, group, refs);
      await delay(pauseMs, undefined, { signal });
    };
    return whileHeartbeating(
      HEARTBEAT_MS,
      async (signal) => {
        for (const stream of STREAMS.slice(STREAMS.indexOf(progress.stream))) {
          if (stream !== progress.stream) progress = { ...progress, stream, after: undefined };
          let group: BatchName[] = [];
          for await (const name of batchStore.list({ tenant, stream, from, to, after: progress.after })) {
            signal?.throwIfAborted();
            if (group.push(name) < GROUP) continue;
            await announceGroup(group, signal);
            group = [];
          }
          if (group.length > 0) await announceGroup(group, signal);
        }
        const { batches, rows, unreadable } = progress;
        return { batches, rows, unreadable };
      },
      () => progress,
    );
  };
}

function after(before: Progress, group: readonly BatchName[], refs: readonly BatchRef[]): Progress {
  return {
    stream: before.stream,
    after: group.at(-1)?.batchId,
    batches: before.batches + refs.length,
    rows: before.rows + refs.reduce((sum, { events }) => sum + events, 0),
    unreadable: before.unreadable + group.length - refs.length,
  };
}

/** One file in memory at a time. */
async function refsOf(store: Pick<BatchStore, 'open'>, names: readonly BatchName[]): Promise<BatchRef[]> {
  const refs: BatchRef[] = [];
  for (const name of names) {
    const opened = await openIfThere(store, name);
    if (opened !== undefined) refs.push(opened.ref);
  }
  return refs;
}

/** Of an attempt before this one; undefined at the first, and outside of Temporal. */
function lastProgress(): Progress | undefined {
  try {
    return Context.current().info.heartbeatDetails as Progress | undefined;
  } catch {
    return undefined;
  }
}

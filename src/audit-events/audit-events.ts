import { writeFile } from 'node:fs/promises';
import type { AuditLogPlaces } from '../audit-log/files.js';
import type { ReadPosition } from '../audit-log/read.js';
import { BEGINNING, entriesBetween, stretchEnd } from '../audit-log/stretch.js';
import { messageOf } from '../errors.js';
import type { EventRow } from '../events/event.js';
import { writeDurably } from '../platform/durable-file.js';
import type { Logger } from '../platform/logger.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import { HOUR_MS, MINUTE_MS } from '../platform/time.js';
import { ownBatchId, tryOwnBatch, type OwnBatchOptions } from '../subscriptions/own-batch.js';
import { auditEvent } from './audit-event.js';

/** What {@link AuditEvents} needs. */
export interface AuditEventsOptions extends OwnBatchOptions {
  readonly places: AuditLogPlaces;
  /** File that says how far the log has been told. */
  readonly progress: string;
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds between looks. Default an hour: a look that finds something makes a batch for each tenant. */
  readonly everyMs?: number;
  readonly now?: () => number;
}

/** A process that has just started has more urgent things to do, and one that is started often makes no batch each time. */
const FIRST_LOOK_MS = 5 * MINUTE_MS;
/** Lines in a look, at most, and bytes of them. */
const BOUNDS = { maxEntries: 5_000, maxBytes: 8 * 1024 * 1024 };

/** How far the log has been told; and the stretch that is being told, with the moment that its batches are named after. */
interface Progress {
  readonly told: ReadPosition;
  readonly telling?: { readonly to: ReadPosition; readonly since: number };
}

/**
 * Tells each tenant's warehouse what the audit log has about it, by events in batches of Headgate's own. Which lines a batch is
 * made of is on disk before it starts: after a crash the same batch is started again, and Temporal takes it once.
 */
export class AuditEvents {
  private readonly closing = new AbortController();
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(private readonly options: AuditEventsOptions) {
    this.now = options.now ?? Date.now;
  }

  /** Looks from now on; nothing waits for it. */
  start(): void {
    const { everyMs = HOUR_MS } = this.options;
    this.schedule(Math.min(FIRST_LOOK_MS, everyMs));
  }

  /** Ends the look under way; the next process goes on with it. */
  async stop(): Promise<void> {
    this.closing.abort(new Error('the process ends'));
    clearTimeout(this.timer);
    await this.looking;
  }

  /**
   * Tells what has come since, once.
   * @returns whether there was anything
   */
  async look(): Promise<boolean> {
    const { places, progress } = this.options;
    const { told, telling } = await readProgress(progress);
    const to = telling?.to ?? (await stretchEnd(places, told, BOUNDS));
    if (to.day === told.day && to.offset === told.offset) return false;
    const since = telling?.since ?? this.now();
    if (telling === undefined) await writeProgress(progress, { told, telling: { to, since } });
    for (const [tenant, events] of await this.eventsOf(told, to, since))
      await this.hand(tenant, events, since);
    await writeProgress(progress, { told: to });
    return true;
  }

  private schedule(afterMs: number): void {
    if (this.closing.signal.aborted) return;
    const { everyMs = HOUR_MS, log } = this.options;
    this.timer = setTimeout(() => {
      this.looking = this.lookThrough().then(
        () => this.schedule(everyMs),
        (error: unknown) => {
          if (!this.closing.signal.aborted) log.warn('AUDIT_LOG_NOT_TOLD', { reason: messageOf(error) });
          this.schedule(Math.min(everyMs, MINUTE_MS));
        },
      );
    }, afterMs).unref();
  }

  private async lookThrough(): Promise<void> {
    while (!this.closing.signal.aborted && (await this.look()));
  }

  private async eventsOf(
    from: ReadPosition,
    to: ReadPosition,
    now: number,
  ): Promise<ReadonlyMap<string, EventRow[]>> {
    const events = new Map<string, EventRow[]>();
    for await (const entry of entriesBetween(this.options.places, from, to)) {
      if (entry.tenant === undefined || this.options.tenantOf(entry.tenant) === undefined) continue;
      const before = events.get(entry.tenant);
      if (before === undefined) events.set(entry.tenant, [auditEvent(entry, now)]);
      else before.push(auditEvent(entry, now));
    }
    return events;
  }

  private async hand(tenant: string, events: readonly EventRow[], since: number): Promise<void> {
    const batch = { tenant, batchId: ownBatchId(since, 'audit-log'), events };
    await tryOwnBatch(this.options, batch, this.closing.signal);
  }
}

/** One that is damaged counts as none: what is told again is in the tables once. */
async function readProgress(file: string): Promise<Progress> {
  const text = await readTextIfThere(file);
  try {
    return text === undefined ? { told: BEGINNING } : (JSON.parse(text) as Progress);
  } catch {
    return { told: BEGINNING };
  }
}

function writeProgress(file: string, progress: Progress): Promise<void> {
  const text = `${JSON.stringify(progress)}\n`;
  return writeDurably(file, (temporary) => writeFile(temporary, text, { mode: 0o600 }));
}

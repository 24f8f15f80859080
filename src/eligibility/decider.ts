import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { HeadgateError } from '../errors.js';
import type { EventRow, InputStream } from '../events/event.js';
import { ExpressionFailures, type ExpressionFailure } from '../expressions/failures.js';
import { ChunkQueue } from '../events/chunk-queue.js';
import type { Chunk } from '../events/chunk.js';
import type { ProfileHolder } from '../rules/profile-limits.js';
import type { CompiledRules } from '../rules/compiled.js';
import type { StateStore, SubjectRecord } from '../stores/state/state-store.js';
import {
  decideChunk,
  subjectsOf,
  type ChunkDecisions,
  type ChunkWatch,
  type OnFault,
} from './decide-chunk.js';
import { DecisionCounts } from './decision-counts.js';
import { canonicalOf, type CanonicalSubject } from './merge-subjects.js';
import { Subjects } from './subjects.js';

/** What a {@link Decider} needs. */
export interface DeciderOptions {
  readonly store: StateStore;
  /** The tenant's rules as configured now, or undefined while it is not configured. */
  readonly rulesOf: (tenant: string) => CompiledRules | undefined;
  /** The chunks in the spool, in order of receipt. */
  readonly chunks: () => Iterable<Chunk>;
  /** A chunk's events, read back. */
  readonly eventsOf: (chunk: Chunk) => Promise<EventRow[]>;
  /** Called once there is something that a checkpoint would write. */
  readonly onChange: () => void;
  readonly onFault: OnFault;
  /** Called with the expressions that failed on a request's events, once a request. */
  readonly onFailures?: (tenant: string, failures: readonly ExpressionFailure[]) => void;
  /** Called with the decisions on a request's events, and the seconds that they took; not with those made again after a crash. */
  readonly onDecided?: (tenant: string, decisions: ChunkDecisions, seconds: number) => void;
  /**
   * Changed subjects held in memory until a checkpoint has them: at this number, tenants that have more of them than the
   * mean wait, at twice as many all do. Default 50,000, some 150 MB.
   */
  readonly maxChanged?: number;
}

const MAX_CHANGED = 50_000;
/** What catches up with the spool tries a store that does not answer again after this long. */
const RETRY_MS = 1_000;

interface Progress {
  /** The last chunk that was decided on. */
  watermark: number;
  /** Chunks in the spool that the state does not have, in order of receipt. */
  readonly missing: ChunkQueue;
}

/**
 * Decides at ingest: applies each request's events to its tenant's subjects in memory, in the turn that gives the
 * request its place in the spool, so that its decisions are written with it. When the 202 comes both are durable, and the
 * decisions can be read.
 *
 * The state survives a crash by checkpoints; what came after the last one is applied again from the spool. The decisions
 * are not made again: they are in the spool as well.
 */
export class Decider {
  readonly subjects: Subjects;
  /** What the rules have said since the process started. */
  readonly counts = new DecisionCounts();
  private readonly tenants = new Map<string, Progress>();
  /** Tenants that have gone on since their last checkpoint began, longest first. */
  private readonly advanced = new Set<string>();
  private restoring = false;
  private stopped = false;

  constructor(private readonly options: DeciderOptions) {
    this.subjects = new Subjects(options.store);
  }

  /**
   * Calls `work` in a turn in which {@link Decider.decide} can decide on the events, or refuses them, without reading:
   * at once, unless the store takes a round trip and memory lacks subjects of theirs.
   * @throws HeadgateError of `work`; as a rejection also `STATE_UNAVAILABLE` (retryable)
   */
  whenReady<T>(
    tenant: string,
    stream: InputStream,
    events: () => readonly EventRow[],
    work: () => T,
  ): T | Promise<T> {
    if (this.subjects.readThrough) return work();
    const rows = events();
    return this.whenHeld(tenant, (rules) => subjectsOf(stream, rows, rules), work);
  }

  /** The same for what needs `subjects` by the rules of then: calls `work` in a turn in which memory has them, or it is refused. */
  whenHeld<T>(
    tenant: string,
    subjects: (rules: CompiledRules) => Iterable<string>,
    work: () => T,
  ): T | Promise<T> {
    const needed = (): Iterable<string> => {
      const rules = this.options.rulesOf(tenant);
      // What is going to be refused needs nothing.
      if (rules === undefined || this.refusalOf(tenant) !== undefined) return [];
      return subjects(rules);
    };
    return this.subjects.whenRead(tenant, needed, work);
  }

  /**
   * Decides on the events that get the sequence number `seq`: on all, unless `watch` ends it before. Numbers rise.
   * To be called from within {@link Decider.whenReady}.
   * @throws HeadgateError `TENANT_UNKNOWN`; `OVERLOADED` (retryable) while the state is brought up to date;
   *   `TENANT_BACKLOG_FULL` or `OVERLOADED` while checkpoints of what has changed do not keep up, or fail
   */
  decide(
    tenant: string,
    stream: InputStream,
    seq: number,
    events: readonly EventRow[],
    watch?: ChunkWatch,
  ): ChunkDecisions {
    const rules = this.rulesNow(tenant);
    const failures = new ExpressionFailures();
    const told = { ...watch, onFailure: failures.add };
    const began = performance.now();
    const decided = this.apply(tenant, stream, seq, events, rules, this.progressOf(tenant), told);
    const failed = failures.list();
    if (failed.length > 0) this.options.onFailures?.(tenant, failed);
    this.counts.add(tenant, decided, (rule) => rules.rules.find(({ name }) => name === rule)?.version);
    this.options.onDecided?.(tenant, decided, (performance.now() - began) / 1000);
    return decided;
  }

  /** The rules that decide in this turn. @throws HeadgateError as {@link Decider.decide} does */
  rulesNow(tenant: string): CompiledRules {
    const rules = this.options.rulesOf(tenant);
    if (rules === undefined)
      throw new HeadgateError('TENANT_UNKNOWN', `Tenant ${tenant} is not configured here.`);
    const refusal = this.refusalOf(tenant);
    if (refusal !== undefined) throw refusal;
    return rules;
  }

  /** Changes a subject by no event of the spool, where {@link Decider.rulesNow} lets it be: the next checkpoint of the tenant has it. */
  amend(tenant: string, subject: string, change: (record: SubjectRecord) => void): void {
    change(this.subjects.change(tenant, subject));
    this.advanced.add(tenant);
    this.options.onChange();
  }

  /**
   * What is kept of a subject under its own name: of one that is merged, whom it is merged into.
   * @throws HeadgateError `STATE_UNAVAILABLE` (retryable)
   */
  subject(tenant: string, subject: string): Promise<SubjectRecord | undefined> {
    return this.subjects.peek(tenant, subject);
  }

  /**
   * What is known of the subject that has this one's state: itself, or the one that it is merged into.
   * @throws HeadgateError `STATE_UNAVAILABLE` (retryable)
   */
  canonical(tenant: string, subject: string): Promise<CanonicalSubject<SubjectRecord | undefined>> {
    return this.subjects.peekCanonical(tenant, subject);
  }

  /** Whose profile an event changes, as it is; to be called from within {@link Decider.whenReady} on an event that names the subject. */
  profileNow(tenant: string, subject: string): ProfileHolder {
    // What is going to be refused has not been read.
    if (this.options.rulesOf(tenant) === undefined || this.refusalOf(tenant) !== undefined)
      return { subject };
    const canonical = canonicalOf(subject, (name) => this.subjects.now(tenant, name));
    return { subject: canonical.subject, profile: canonical.record?.profile };
  }

  /** Decides on nothing until the state has been restored. */
  suspend(): void {
    this.restoring = true;
  }

  /**
   * Brings the state up to date with the spool: at start, or when an append has failed and the state in memory has
   * events that the spool does not. Chunks of tenants that are not configured wait for {@link Decider.catchUp}. Waits for a
   * store that does not answer.
   */
  async restore(): Promise<void> {
    this.restoring = true;
    await this.patiently(() => this.options.store.resync());
    this.subjects.reset();
    this.tenants.clear();
    this.advanced.clear();
    for (const chunk of this.options.chunks()) {
      const progress = this.progressOf(chunk.tenant);
      if (chunk.seq > progress.watermark) progress.missing.push(chunk);
    }
    await this.catchUp();
    this.restoring = false;
  }

  /** Applies the chunks that are missing in the state, of all tenants that are configured. */
  async catchUp(): Promise<void> {
    for (const [tenant, progress] of this.tenants) {
      if (progress.missing.length > 0) await this.catchUpTenant(tenant, progress);
    }
  }

  /** Waits for no store any more: what is being restored or caught up with fails if the store does not answer. */
  stop(): void {
    this.stopped = true;
  }

  /** The tenant's rules as they are now: decisions of others stay in the state, and are current no more. */
  rulesInForce(tenant: string): CompiledRules | undefined {
    return this.options.rulesOf(tenant);
  }

  /**
   * Up to where events are in the state, of the tenants that have waited longest for a checkpoint: as many as have
   * `subjects` changed subjects together, and at least one if any has gone on.
   */
  takeWatermarks(subjects: number): ReadonlyMap<string, number> {
    const watermarks = new Map<string, number>();
    let changed = 0;
    for (const tenant of this.advanced) {
      changed += this.subjects.changedOf(tenant);
      if (watermarks.size > 0 && changed > subjects) break;
      watermarks.set(tenant, this.progressOf(tenant).watermark);
      this.advanced.delete(tenant);
    }
    return watermarks;
  }

  /** Takes back watermarks that could not be written. */
  giveBack(watermarks: ReadonlyMap<string, number>): void {
    for (const tenant of watermarks.keys()) this.advanced.add(tenant);
  }

  /** True of a tenant that has gone on since its last checkpoint began. */
  readonly isAdvancing = (tenant: string): boolean => this.advanced.has(tenant);

  /** How many tenants have gone on since their last checkpoint began. */
  get advancing(): number {
    return this.advanced.size;
  }

  /** Why nothing of a configured tenant is decided on now. */
  private refusalOf(tenant: string): HeadgateError | undefined {
    if (this.restoring || this.progressOf(tenant).missing.length > 0)
      return comeAgain('OVERLOADED', 'The state is being brought up to date.');
    return backlogRefusal(this.subjects, tenant, this.options.maxChanged ?? MAX_CHANGED);
  }

  private async catchUpTenant(tenant: string, progress: Progress): Promise<void> {
    for (;;) {
      const chunk = progress.missing.first;
      if (chunk === undefined || this.options.rulesOf(tenant) === undefined) return;
      const events = await this.options.eventsOf(chunk);
      // Meanwhile the state may have been restored, or someone else have gone on, who then goes on to the end.
      const rulesNow = (): CompiledRules | undefined =>
        this.tenants.get(tenant) === progress && progress.missing.first === chunk
          ? this.options.rulesOf(tenant)
          : undefined;
      const subjects = (): Iterable<string> => {
        const rules = rulesNow();
        return rules === undefined ? [] : subjectsOf(chunk.stream, events, rules);
      };
      const applied = await this.patiently(() =>
        this.subjects.whenRead(tenant, subjects, () => {
          const rules = rulesNow();
          if (rules === undefined) return false;
          this.apply(tenant, chunk.stream, chunk.seq, events, rules, progress);
          progress.missing.take(1);
          return true;
        }),
      );
      if (!applied) return;
      await nextTurn();
    }
  }

  /** Asks again for as long as the store does not answer. */
  private async patiently<T>(ask: () => Promise<T> | T): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (this.stopped || !(error instanceof HeadgateError && error.retryable)) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  private progressOf(tenant: string): Progress {
    let progress = this.tenants.get(tenant);
    if (progress === undefined) {
      progress = { watermark: this.options.store.watermark(tenant), missing: new ChunkQueue() };
      this.tenants.set(tenant, progress);
    }
    return progress;
  }

  private apply(
    tenant: string,
    stream: InputStream,
    seq: number,
    events: readonly EventRow[],
    rules: CompiledRules,
    progress: Progress,
    watch?: ChunkWatch,
  ): ChunkDecisions {
    const recordOf = (subject: string): SubjectRecord => this.subjects.change(tenant, subject);
    const decided = decideChunk(stream, events, rules, recordOf, this.options.onFault, watch);
    progress.watermark = seq;
    this.advanced.add(tenant);
    this.options.onChange();
    return decided;
  }
}

/**
 * Why nothing more of a tenant is changed now: memory holds `most` changed subjects that no checkpoint has yet, and the
 * tenant more of them than the mean; at twice as many it is refused in any case.
 */
function backlogRefusal(
  subjects: Pick<Subjects, 'changed' | 'changedTenants' | 'changedOf'>,
  tenant: string,
  most: number,
): HeadgateError | undefined {
  const { changed, changedTenants } = subjects;
  if (changed < most) return undefined;
  if (changed >= 2 * most)
    return comeAgain('OVERLOADED', 'More of the state has changed than is written yet.');
  const own = subjects.changedOf(tenant);
  if (own < changed / changedTenants) return undefined;
  return comeAgain('TENANT_BACKLOG_FULL', `${own} of your subjects have changed and are not written yet.`);
}

/** What is refused for a moment. */
function comeAgain(code: 'OVERLOADED' | 'TENANT_BACKLOG_FULL', message: string): HeadgateError {
  return new HeadgateError(code, message, { retryable: true, retryAfterSeconds: 1 });
}

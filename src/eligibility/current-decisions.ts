import { setTimeout as delay } from 'node:timers/promises';
import { HeadgateError } from '../errors.js';
import type { Turn, Turns } from '../platform/event-loop-turns.js';
import type { CompiledRules } from '../rules/compiled.js';
import type { CurrentDecision, SubjectRecord } from '../stores/state/state-store.js';
import { replayedStatusOf, type ReplayedDecision, type ReplayedStatus } from './becomes-current.js';
import type { Checkpoints } from './checkpoints.js';
import type { Decider } from './decider.js';

/** The decisions on one subject, by the name of the rule. */
export type DecisionsOfSubject = ReadonlyMap<string, ReplayedDecision>;

/** How many decisions have come to what. */
export type ReplayedStatusCounts = Readonly<Record<ReplayedStatus, number>>;

/** How {@link CurrentDecisions.make} goes about it. */
export interface MakeCurrentOptions {
  /** Changes nothing, and says what would. */
  readonly dryRun: boolean;
  /** Ends it between two pages. */
  readonly signal?: AbortSignal;
}

/** What {@link CurrentDecisions} needs. */
export interface CurrentDecisionsOptions {
  readonly decider: Decider;
  readonly checkpoints: Pick<Checkpoints, 'kept' | 'rewinds'>;
  /** Shares the event loop between tenants. */
  readonly turns: Turns;
  /** Milliseconds between two tries of a page. Default 1,000. */
  readonly retryMs?: number;
}

/** Subjects between two checkpoints that are waited for: a tenant's share of what memory holds until then stays small. */
const PAGE = 2_000;
/** Subjects read together from a state that takes a round trip. */
const GROUP = 200;
const RETRY_MS = 1_000;
/** Tries of one page, a second or a checkpoint apart: a state that is away for longer fails the step, which is tried again as a whole. */
const MOST_TRIES = 60;

/** A page on its way: the subjects with their decisions, and what has become of each. */
interface Page {
  readonly subjects: readonly (readonly [string, DecisionsOfSubject])[];
  /** By subject, then by rule. */
  readonly statuses: Map<string, Map<string, ReplayedStatus>>;
}

/**
 * Makes decisions of a replay current, in the process that owns the state: page by page, in turns that it shares with
 * requests. A page counts as done once a checkpoint has it. Whatever comes in between, a crash or a state that was built
 * again from its last checkpoint, the same page can be made again: it changes only what it has not changed yet.
 */
export class CurrentDecisions {
  constructor(private readonly options: CurrentDecisionsOptions) {}

  /**
   * @param decisions by subject
   * @throws HeadgateError `TENANT_UNKNOWN`; `STATE_UNAVAILABLE`, `OVERLOADED` or `TENANT_BACKLOG_FULL` (retryable)
   */
  async make(
    tenant: string,
    decisions: Iterable<readonly [string, DecisionsOfSubject]>,
    options: MakeCurrentOptions,
  ): Promise<ReplayedStatusCounts> {
    const counts = { madeCurrent: 0, alreadyCurrent: 0, older: 0, ruleChanged: 0 };
    for (const subjects of pagesOf(decisions)) {
      const page: Page = { subjects, statuses: new Map() };
      await this.patiently(() => this.makePage(tenant, page, options), options.signal);
      for (const ofSubject of page.statuses.values())
        for (const status of ofSubject.values()) counts[status]++;
    }
    return counts;
  }

  private async makePage(tenant: string, page: Page, options: MakeCurrentOptions): Promise<void> {
    const { decider, checkpoints, turns } = this.options;
    const { rewinds } = checkpoints;
    for (let at = 0; at < page.subjects.length;) {
      const group = page.subjects.slice(at, at + GROUP);
      const names = group.map(([subject]) => subject);
      const inTurn = (): number =>
        turns.now(tenant, (turn) => this.makeSome(tenant, group, page, options, turn));
      at += await turns.run(tenant, () => decider.whenHeld(tenant, () => names, inTurn));
    }
    // Also what a try before this one has changed.
    if (!options.dryRun && changesSome(page)) await unlessAborted(checkpoints.kept(tenant, rewinds), options);
  }

  /** As many as the turn has room for, and one at least. Returns how many. */
  private makeSome(
    tenant: string,
    group: Page['subjects'],
    page: Page,
    { dryRun }: MakeCurrentOptions,
    turn: Turn,
  ): number {
    const { decider } = this.options;
    const rules = decider.rulesNow(tenant);
    for (const [at, [subject, decisions]] of group.entries()) {
      const change = this.changeOf(tenant, subject, decisions, rules, page);
      if (!dryRun && change.size > 0) decider.amend(tenant, subject, (record) => put(record, change));
      // What was read ahead is at hand: the rest of it takes less than reading it again.
      if (turn.isOver && decider.subjects.readThrough) return at + 1;
    }
    return group.length;
  }

  private changeOf(
    tenant: string,
    subject: string,
    decisions: DecisionsOfSubject,
    rules: CompiledRules,
    { statuses }: Page,
  ): ReadonlyMap<string, CurrentDecision> {
    const record = this.options.decider.subjects.now(tenant, subject);
    const known = record?.decisions ?? {};
    const change = new Map<string, CurrentDecision>();
    const before = statuses.get(subject);
    const found = new Map<string, ReplayedStatus>();
    for (const [rule, decision] of decisions) {
      const current = Object.hasOwn(known, rule) ? known[rule] : undefined;
      const inForce = rules.rules.find(({ name }) => name === rule)?.version;
      const replayed = replayedStatusOf(decision, current, inForce);
      // Nobody asks for decisions about one who is merged into another since.
      const status = record?.mergedInto !== undefined && replayed === 'madeCurrent' ? 'older' : replayed;
      if (status === 'madeCurrent') change.set(rule, withoutReceipt(decision));
      // It is the page's own doing where a try before this one has got so far.
      const isOwn = status === 'alreadyCurrent' && before?.get(rule) === 'madeCurrent';
      found.set(rule, isOwn ? 'madeCurrent' : status);
    }
    statuses.set(subject, found);
    return change;
  }

  /** Deciding again takes hours, a page seconds: what passes is waited for here. */
  private async patiently(work: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof HeadgateError && error.retryable) || tries >= MOST_TRIES) throw error;
        await delay(this.options.retryMs ?? RETRY_MS, undefined, { signal });
      }
    }
  }
}

function changesSome({ statuses }: Page): boolean {
  return [...statuses.values()].some((ofSubject) => [...ofSubject.values()].includes('madeCurrent'));
}

/** Ends the wait, not the work. */
async function unlessAborted(work: Promise<void>, { signal }: MakeCurrentOptions): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal?.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function put({ decisions }: SubjectRecord, change: ReadonlyMap<string, CurrentDecision>): void {
  for (const [rule, decision] of change) decisions[rule] = decision;
}

function withoutReceipt(decision: ReplayedDecision): CurrentDecision {
  const { outcome, reason, ruleVersion, eventId, eventSource, time } = decision;
  return { outcome, reason, ruleVersion, eventId, eventSource, time };
}

function* pagesOf<T>(all: Iterable<T>): Iterable<readonly T[]> {
  let page: T[] = [];
  for (const each of all) {
    page.push(each);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

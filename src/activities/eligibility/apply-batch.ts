import { setImmediate as nextTurn } from 'node:timers/promises';
import { HeadgateError } from '../../errors.js';
import type { BatchRef, DecisionRow, EventRow } from '../../event.js';
import { evaluateEvent } from '../../rules/evaluate.js';
import { concernsRules, type CompiledRules } from '../../rules/compiled.js';
import { mergeProperties, newProfileState, type ProfileState } from '../../rules/profile.js';
import { newSubjectState } from '../../rules/subject-state.js';
import type { BatchStore, StagedBatch } from '../../stores/batch-store/batch-store.js';
import type { AppliedBatch, BatchCommit, StateStore, SubjectRecord } from '../../stores/state/state-store.js';
import { assertTenantId } from '../../tenant.js';

/** What {@link createEligibilityActivities} needs. */
export interface EligibilityOptions {
  readonly batchStore: BatchStore;
  readonly state: StateStore;
  /**
   * The tenant's rules as configured now.
   * @throws HeadgateError `TENANT_UNKNOWN` (retryable: its configuration may come back)
   */
  readonly rulesOf: (tenant: string) => CompiledRules;
}

/** What applying a batch did, and where its decisions are. */
export interface AppliedResult {
  readonly evaluated: number;
  readonly eligible: Readonly<Record<string, number>>;
  /** The decisions as a batch of their own, in its place; absent if nothing was evaluated. */
  readonly decisions?: BatchRef;
}

/** Events handled between two turns of the event loop, so that a big batch does not hold up the requests of this process. */
const EVENTS_PER_TURN = 500;

/** The activities that apply batches to a tenant's state. */
export interface EligibilityActivities {
  /**
   * Applies a batch once: `user-properties` to profiles, `events` to aggregates and rules. The decisions are written
   * to a staged file, then state and mark are committed in one transaction, then the file is put in its place; a retry
   * from any point gives the same result and changes nothing.
   */
  applyBatch(batch: BatchRef): Promise<AppliedResult>;
}

/** Builds the activities over their stores. */
export function createEligibilityActivities(options: EligibilityOptions): EligibilityActivities {
  const { batchStore, state } = options;

  async function applyBatch(batch: BatchRef): Promise<AppliedResult> {
    const tenant = assertTenantId(batch.tenant);
    const earlier = state.applied(tenant, batch.batchId);
    if (earlier !== undefined) return published(batchStore, earlier);
    if (batch.stream === 'decisions')
      throw new HeadgateError('BATCH_CORRUPT', 'Decisions are derived; they are not applied.');
    const revision = state.revision(tenant, batch.stream);
    const events = parseLines(await batchStore.read(batch));
    const effect =
      batch.stream === 'user-properties'
        ? await mergeAll(state, tenant, events)
        : await decideAll(options, batch, events);
    const decisions = await stageDecisions(batchStore, batch, effect.decisions ?? []);
    const { evaluated, eligible } = effect;
    const own: AppliedBatch = {
      batchId: batch.batchId,
      events: events.length,
      evaluated,
      eligible,
      ...(decisions && { decisions }),
    };
    const { profiles, subjects } = effect;
    const applied = await state.commit({
      tenant,
      stream: batch.stream,
      revision,
      profiles,
      subjects,
      applied: own,
    });
    if (decisions !== undefined && applied.decisions?.token !== decisions.token)
      await batchStore.discard(decisions);
    return published(batchStore, applied);
  }

  return { applyBatch };
}

type Effect = Pick<BatchCommit, 'profiles' | 'subjects'> &
  Pick<AppliedBatch, 'evaluated' | 'eligible'> & { decisions?: DecisionRow[] };

async function mergeAll(state: StateStore, tenant: string, events: readonly EventRow[]): Promise<Effect> {
  const profiles = new Map<string, ProfileState>();
  await inTurns(events, (event) => {
    if (event.subject === undefined) return;
    const profile = profiles.get(event.subject) ?? state.profile(tenant, event.subject) ?? newProfileState();
    if (mergeProperties(profile, event)) profiles.set(event.subject, profile);
  });
  return { profiles, evaluated: 0, eligible: {} };
}

async function decideAll(
  { state, rulesOf }: EligibilityOptions,
  batch: BatchRef,
  events: readonly EventRow[],
): Promise<Effect> {
  const { tenant, batchId } = batch;
  const rules = rulesOf(tenant);
  const subjects = new Map<string, SubjectRecord>();
  const profiles = new Map<string, ProfileState['values']>();
  const decisions: DecisionRow[] = [];
  const eligible: Record<string, number> = {};
  await inTurns(events, (event) => {
    if (!concernsRules(rules, event.type)) return;
    const subject = event.subject;
    const record = recordOf(state, subjects, tenant, subject);
    const profile = profileOf(state, profiles, tenant, subject);
    for (const { rule, ruleVersion, outcome, reason } of evaluateEvent(rules, record.state, profile, event)) {
      const current = { outcome, reason, ruleVersion, eventId: event.id, time: event.time, batchId };
      record.decisions[rule] = current;
      if (outcome === 'eligible') eligible[rule] = (eligible[rule] ?? 0) + 1;
      decisions.push({
        id: `${event.id}:${rule}:${ruleVersion}`,
        event_id: event.id,
        subject: subject ?? null,
        rule,
        rule_version: ruleVersion,
        outcome,
        reason,
        time: event.time,
        batch_id: batchId,
      });
    }
  });
  return { subjects, evaluated: decisions.length, eligible, decisions };
}

/** An event without a subject is decided on by itself: it has no profile, and its aggregates hold it alone. */
function recordOf(
  state: StateStore,
  read: Map<string, SubjectRecord>,
  tenant: string,
  subject: string | undefined,
): SubjectRecord {
  if (subject === undefined) return { state: newSubjectState(), decisions: {} };
  const record = read.get(subject) ??
    state.subject(tenant, subject) ?? { state: newSubjectState(), decisions: {} };
  read.set(subject, record);
  return record;
}

function profileOf(
  state: StateStore,
  read: Map<string, ProfileState['values']>,
  tenant: string,
  subject: string | undefined,
): ProfileState['values'] {
  if (subject === undefined) return {};
  const profile = read.get(subject) ?? state.profile(tenant, subject)?.values ?? {};
  read.set(subject, profile);
  return profile;
}

async function stageDecisions(
  store: BatchStore,
  batch: BatchRef,
  rows: readonly DecisionRow[],
): Promise<StagedBatch | undefined> {
  if (rows.length === 0) return undefined;
  const ndjson = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return store.stage(
    { tenant: batch.tenant, stream: 'decisions', batchId: batch.batchId },
    ndjson,
    rows.length,
  );
}

/** What a mark answers: its decisions are put in their place first, in case the process died between commit and rename. */
async function published(
  store: BatchStore,
  { evaluated, eligible, decisions }: AppliedBatch,
): Promise<AppliedResult> {
  if (decisions === undefined) return { evaluated, eligible };
  return { evaluated, eligible, decisions: await store.publish(decisions) };
}

function parseLines(ndjson: Buffer): EventRow[] {
  const lines = ndjson.toString('utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as EventRow);
}

async function inTurns(events: readonly EventRow[], handle: (event: EventRow) => void): Promise<void> {
  for (let at = 0; at < events.length; at += EVENTS_PER_TURN) {
    if (at > 0) await nextTurn();
    for (const event of events.slice(at, at + EVENTS_PER_TURN)) handle(event);
  }
}

import assert from 'node:assert/strict';
import { addFigures, type Figures, type UsageEntry } from '../../../src/stores/usage/figures.js';
import { entriesOfAttempt, entryOfBatch, type ActivityAttempt } from '../../../src/stores/usage/entries.js';

const BATCH = { tenant: 'acme', stream: 'events', batchId: '20240310-0123abcd-000000001' } as const;
const REF = { ...BATCH, events: 5, bytes: 100, sha256: '' };
const PASS: ActivityAttempt = {
  workflowId: `deliver/acme/crm/${BATCH.batchId}`,
  runId: 'run-1',
  workflowType: 'deliver',
  activityType: 'pushPass',
  activityId: '2',
  attempt: 1,
};
const INPUT = { tenant: 'acme', subscription: 'crm', batch: REF, pass: 1, pending: [] };
const NOW = Date.parse('2024-03-11T00:00:01Z');

/** What entries come to when each name counts once. */
function totalOf(entries: readonly UsageEntry[]): Figures {
  const seen = new Set<string>();
  return entries
    .filter(({ name = '' }) => !seen.has(name) && seen.add(name))
    .reduce<Figures>((sum, { figures }) => addFigures(sum, figures), {});
}

const result = (delivered: number, failed: number) => ({ delivered, failed, pending: [], dead: [] });

describe('what counts as usage', () => {
  it('a batch: its events, bytes, decisions, and three actions, on the day of its id', () => {
    const decided = {
      evaluated: 4,
      eligible: {},
      decisions: { ...REF, stream: 'decisions' as const, bytes: 7 },
    };
    const input = {
      batch: REF,
      decided,
      contents: { types: [], firstEvent: '', lastEvent: '' },
      activityQueue: '',
    };
    assert.deepEqual(entryOfBatch({ ...BATCH, events: 5, bytes: 900, input }), {
      name: `batch/acme/events/${BATCH.batchId}`,
      tenant: 'acme',
      day: '2024-03-10',
      stream: 'events',
      figures: { events: 5, bytesIn: 900, storedBytes: 107, decisions: 4, workflows: 1, actions: 3 },
    });
    assert.deepEqual(entryOfBatch({ ...BATCH, events: 5 }).figures, { events: 5, bytesIn: 0 });
  });

  it('a pass: what was delivered and tried, its time, an action and one per heartbeat', () => {
    const end = { seconds: 11, input: INPUT, result: result(3, 2), now: NOW };
    const entries = entriesOfAttempt(PASS, end);
    assert.ok(entries.every(({ subscription, stream }) => subscription === 'crm' && stream === 'events'));
    assert.deepEqual(totalOf(entries), {
      activityMicros: 11e6,
      actions: 3,
      deliveredEvents: 3,
      deliveryAttempts: 5,
    });
  });

  it('the first activity of a run starts its workflow, of a load window with a timer', () => {
    const first = { ...PASS, activityId: '1' };
    const end = { seconds: 0, input: INPUT, now: NOW };
    assert.deepEqual(totalOf(entriesOfAttempt(first, end)), { actions: 2, workflows: 1 });
    const load = {
      ...first,
      workflowId: 'load/acme/20240310T120000.000Z',
      workflowType: 'loadWindow',
      activityType: 'loadBatches',
    };
    const loaded = [{ stream: 'events', loadId: 'l', rows: 9 }];
    assert.deepEqual(totalOf(entriesOfAttempt(load, { ...end, result: loaded })), {
      actions: 3,
      workflows: 1,
      loadedRows: 9,
    });
  });

  it('an attempt that was killed counts as an action, and what it came to once', () => {
    const lost = entriesOfAttempt(PASS, { seconds: 1, input: INPUT, result: result(3, 0), now: NOW });
    const again = entriesOfAttempt(
      { ...PASS, attempt: 2 },
      { seconds: 1, input: INPUT, result: result(3, 0), now: NOW },
    );
    const expected = { activityMicros: 2e6, actions: 2, deliveredEvents: 3, deliveryAttempts: 3 };
    assert.deepEqual(totalOf([...lost, ...again]), expected);
    assert.deepEqual(totalOf(again), { ...expected, activityMicros: 1e6 });
  });

  it('signals to workflows of the tenant, the timer of a pause, and a dead letter', () => {
    const signals = entriesOfAttempt(
      { ...PASS, activityType: 'workflowPass' },
      { seconds: 0, input: INPUT, result: { ...result(3, 1), retryAfterMs: 5 }, now: NOW },
    );
    assert.equal(totalOf(signals).actions, 1 + 4 + 1);
    const park = entriesOfAttempt(
      { ...PASS, activityType: 'park' },
      { seconds: 0, input: {}, result: 'dead-letter/…', now: NOW },
    );
    assert.deepEqual(totalOf(park), { actions: 4, workflows: 1 });
  });

  it('nothing of what is no workflow of a tenant', () => {
    const end = { seconds: 1, input: INPUT, now: NOW };
    assert.deepEqual(entriesOfAttempt({ ...PASS, workflowId: 'headgate.owner' }, end), []);
    assert.deepEqual(entriesOfAttempt({ ...PASS, workflowId: 'x/../y' }, end), []);
  });
});

import assert from 'node:assert/strict';
import { QueueLooks, type LookedAt, type QueueState } from '../../src/subscriptions/queue-looks.js';

const CALM: QueueState = { status: { state: 'active' } };
const FAILING = { since: '2026-11-28T10:00:00Z', lastError: 'HTTP 500', lastErrorAt: '2026-11-28T10:00:00Z' };

function calm(count: number): LookedAt[] {
  return Array.from({ length: count }, (_, index) => ({
    tenant: `t-${index}`,
    subscription: 'crm',
    urgent: false,
  }));
}

describe('looks at the queues of subscriptions', () => {
  let asked: string[];
  let answers: Map<string, QueueState | Error>;
  let told: string[];
  let now: number;
  const realNow = Date.now;

  beforeEach(() => {
    [asked, told, answers, now] = [[], [], new Map(), 1_000];
    // Each question has a time of its own.
    Date.now = () => now++;
  });
  afterEach(() => {
    Date.now = realNow;
  });

  const open = () =>
    new QueueLooks({
      ask: (tenant) => {
        asked.push(tenant);
        const answer = answers.get(tenant) ?? CALM;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      onFailure: (reason) => told.push(reason),
    });

  it('ask of a bounded number, and of all in turn', async () => {
    const looks = open();
    const all = calm(175);
    for (const expected of [50, 100, 150, 175]) {
      asked = [];
      await looks.look(all);
      assert.equal(asked.length, 50);
      assert.equal(all.filter(({ tenant }) => looks.of(tenant, 'crm') !== undefined).length, expected);
    }
    // The 25 that were left, and those that were asked longest ago.
    assert.deepEqual(new Set(asked.slice(0, 26)).has('t-0'), true);
  });

  it('ask first of what is urgent, was wrong, or has just changed, however many others there are', async () => {
    const looks = open();
    answers.set('t-7', { ...CALM, failing: FAILING });
    answers.set('t-8', { status: { state: 'breaker-open', reason: 'it fails' } });
    answers.set('t-9', { ...CALM, slow: { since: 'a', seconds: 3, at: 'a' } });
    const all = calm(1_000);
    await looks.look(all);
    const wrong = ['t-7', 't-8', 't-9'];
    for (let look = 0; look < 3; look++) {
      asked = [];
      await looks.look(all);
      assert.deepEqual(asked.slice(0, 3), wrong);
    }
    for (const tenant of wrong) answers.delete(tenant);
    await looks.look(all);
    assert.equal(looks.of('t-7', 'crm')?.failing, undefined);
    looks.hurry('t-900', 'crm');
    asked = [];
    await looks.look(all.map((each) => (each.tenant === 't-950' ? { ...each, urgent: true } : each)));
    assert.deepEqual(asked.slice(0, 2).sort(), ['t-900', 't-950']);
    assert.equal(asked.length, 52);
  });

  it('ask of a bounded number of those that are urgent, too, the longest unasked first', async () => {
    const looks = open();
    const all = calm(400).map((each) => ({ ...each, urgent: true }));
    await looks.look(all);
    await looks.look(all);
    assert.equal(asked.length, 300);
    assert.equal(new Set(asked).size, 300);
  });

  it('keep what was known where a question is not answered, with its age, and go on with the rest', async () => {
    const looks = open();
    const all = calm(10);
    await looks.look(all);
    const before = looks.of('t-3', 'crm');
    answers.set('t-3', new Error('busy'));
    await looks.look(all);
    assert.deepEqual(told, ['busy']);
    assert.deepEqual(looks.of('t-3', 'crm'), before);
    assert.ok(looks.of('t-9', 'crm')!.askedAt > before!.askedAt);
  });

  it('ask no more where nothing is answered', async () => {
    const looks = open();
    const all = calm(40);
    for (const { tenant } of all) answers.set(tenant, new Error('away'));
    await looks.look(all);
    assert.ok(asked.length < 8, `${asked.length}`);
    assert.deepEqual(told, ['away']);
  });

  it('forget those that there are no more', async () => {
    const looks = open();
    await looks.look(calm(2));
    await looks.look(calm(1));
    assert.equal(looks.of('t-1', 'crm'), undefined);
  });
});

import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { SubscriptionFailures, type Tried } from '../../src/subscriptions/failing.js';
import { notedOf } from '../../src/subscriptions/noted.js';
import { subscriptionQueue } from '../../src/tenants/queues.js';
import { until as untilWithin } from '../support/until.js';

const until = (check: () => void) => untilWithin(check, 5_000);
const QUEUE = subscriptionQueue('UA', 'crm');
const OK: Tried = { ok: true, again: false };
const failed = (error: string, told = error): Tried => ({ ok: false, error, told: () => told, again: false });

describe('what is known of the failures of subscriptions', () => {
  /** What Temporal keeps with queues. */
  let kept: Map<string, string>;
  let asked: number;
  let written: number;
  let away: boolean;
  let clock: number;
  let said: string[];

  beforeEach(() => {
    [kept, asked, written, away, said] = [new Map(), 0, 0, false, []];
    clock = Date.parse('2026-11-28T10:00:00Z');
  });

  const notes = {
    note: (queue: string) => (
      asked++,
      away ? Promise.reject(new Error('away')) : Promise.resolve(kept.get(queue))
    ),
    setNote: (queue: string, note: string) => (written++, Promise.resolve(void kept.set(queue, note))),
  };
  const line = (id: string): void => void said.push(id);
  /** Each stands for a process. */
  const open = (everyMs = 0) =>
    new SubscriptionFailures({ notes, log: { info: line, warn: line }, now: () => clock, everyMs });
  const shown = () => notedOf(kept.get(QUEUE), clock).failing;
  const at = (time: string) => void (clock = Date.parse(`2026-11-28T${time}Z`));

  it('is since when, and what the last try came to, until one goes through', async () => {
    const process = open();
    process.observe('UA', 'crm', failed('HTTP 500', 'HTTP 500: no space'));
    await until(() => assert.equal(shown()?.lastError, 'HTTP 500: no space'));
    at('11:30:00');
    process.observe('UA', 'crm', failed('timeout'));
    await until(() => {
      const [since, lastErrorAt] = ['2026-11-28T10:00:00.000Z', '2026-11-28T11:30:00.000Z'];
      assert.deepEqual(shown(), { since, lastError: 'timeout', lastErrorAt });
    });
    process.observe('UA', 'crm', OK);
    await until(() => assert.equal(kept.get(QUEUE), ''));
    assert.deepEqual(said, ['SUBSCRIPTION_FAILING', 'SUBSCRIPTION_RECOVERED']);
    await process.close();
  });

  it('is found by the next process, which ends it with its first try that goes through', async () => {
    const first = open();
    first.observe('UA', 'crm', failed('HTTP 500'));
    await first.close();
    at('12:00:00');
    const next = open();
    next.observe('UA', 'crm', failed('HTTP 502'));
    await until(() => assert.equal(shown()?.lastError, 'HTTP 502'));
    assert.equal(shown()?.since, '2026-11-28T10:00:00.000Z');
    await next.close();
    const last = open();
    last.observe('UA', 'crm', OK);
    await until(() => assert.equal(kept.get(QUEUE), ''));
    await last.close();
  });

  it('ends where another process delivers what had failed in this one', async () => {
    const [one, other] = [open(), open()];
    other.observe('UA', 'crm', OK);
    await until(() => assert.equal(asked, 1));
    one.observe('UA', 'crm', failed('HTTP 500'));
    await until(() => assert.ok(shown()));
    other.observe('UA', 'crm', { ok: true, again: true });
    await until(() => assert.equal(kept.get(QUEUE), ''));
    await Promise.all([one.close(), other.close()]);
  });

  it('is asked for once while all is well, and written no more often than every few milliseconds', async () => {
    const process = open(60_000);
    for (let n = 0; n < 1_000; n++) process.observe('UA', 'crm', OK);
    await until(() => assert.equal(asked, 1));
    for (let n = 0; n < 10; n++) {
      process.observe('UA', 'crm', OK);
      await setImmediate();
    }
    assert.deepEqual([asked, written], [1, 0]);
    for (let n = 0; n < 1_000; n++) process.observe('UA', 'crm', failed(`HTTP 500: ${n}`));
    assert.equal(written, 0);
    await process.close();
    assert.deepEqual([asked, written], [2, 1]);
    assert.equal(shown()?.lastError, 'HTTP 500: 999');
  });

  it('is noted later where Temporal is away, and each tenant has its own', async () => {
    const process = open();
    away = true;
    process.observe('UA', 'crm', failed('HTTP 500'));
    await until(() => assert.ok(said.includes('FAILING_NOT_NOTED')));
    away = false;
    await until(() => assert.ok(shown()));
    process.observe('DL', 'crm', OK);
    await process.close();
    assert.equal(shown()?.lastError, 'HTTP 500');
  });

  it('says besides that tries are slow, and what costs far more than the others, while that is renewed', async () => {
    const process = open();
    const slow = (seconds: number) => process.observe('UA', 'crm', { ok: true, again: false, seconds });
    const noted = () => notedOf(kept.get(QUEUE), clock);
    slow(5);
    await until(() => {
      const since = '2026-11-28T10:00:00.000Z';
      assert.deepEqual(noted(), { slow: { since, seconds: 5, at: since } });
    });
    process.observeCost('UA', 'crm', 0.42);
    await until(() => assert.deepEqual([noted().slow?.seconds, noted().expensive?.cores], [5, 0.42]));
    process.observe('UA', 'crm', { ...failed('timeout'), seconds: 30 });
    await until(() => assert.deepEqual(Object.keys(noted()).sort(), ['expensive', 'failing']));
    process.observeCost('UA', 'crm', undefined);
    at('10:01:00');
    slow(0.1);
    await until(() => assert.deepEqual(noted(), {}));
    slow(70);
    await until(() => assert.ok(noted().slow));
    at('10:03:00');
    assert.deepEqual(noted(), {}, 'nobody says so any more');
    await process.close();
  });

  it('leaves what another process has found slow, which tries less', async () => {
    const [one, other] = [open(), open()];
    one.observe('UA', 'crm', { ok: true, again: false, seconds: 9 });
    await until(() => assert.ok(notedOf(kept.get(QUEUE), clock).slow));
    other.observe('UA', 'crm', failed('HTTP 500'));
    await until(() => assert.deepEqual(Object.keys(notedOf(kept.get(QUEUE), clock)), ['failing', 'slow']));
    other.observe('UA', 'crm', OK);
    await until(() => assert.deepEqual(Object.keys(notedOf(kept.get(QUEUE), clock)), ['slow']));
    one.observe('UA', 'crm', { ok: true, again: false, seconds: 0 });
    for (let n = 0; n < 8; n++) one.observe('UA', 'crm', { ok: true, again: false, seconds: 0 });
    await until(() => assert.deepEqual(notedOf(kept.get(QUEUE), clock), {}));
    await Promise.all([one.close(), other.close()]);
  });

  it('is nothing where a note is not of this kind', () => {
    for (const note of [
      undefined,
      '',
      'headgate subscription paused {}',
      'headgate failing {',
      'headgate failing {}',
      'headgate noted 1',
      'headgate noted {"slow":{"since":"a"}}',
    ])
      assert.deepEqual(notedOf(note), {});
  });
});

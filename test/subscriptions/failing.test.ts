import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { SubscriptionFailures, failingOf, type Tried } from '../../src/subscriptions/failing.js';
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
  const shown = () => failingOf(kept.get(QUEUE));
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

  it('is nothing where a note is not of this kind', () => {
    for (const note of [
      undefined,
      '',
      'headgate subscription paused {}',
      'headgate failing {',
      'headgate failing {}',
    ])
      assert.equal(failingOf(note), undefined);
  });
});

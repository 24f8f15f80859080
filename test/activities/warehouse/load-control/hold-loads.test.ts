import assert from 'node:assert/strict';
import {
  createHoldLoads,
  type HoldLoads,
} from '../../../../src/activities/warehouse/load-control/hold-loads.js';
import { toApplicationFailure } from '../../../../src/activities/failure.js';
import { HeadgateError } from '../../../../src/errors.js';
import type { SubscriptionStatus } from '../../../../src/subscriptions/status.js';

describe('loads of a paused warehouse', () => {
  let now: number;
  let paused: Map<string, SubscriptionStatus>;
  let hold: HoldLoads;

  beforeEach(() => {
    now = Date.UTC(2026, 2, 1);
    paused = new Map([['UA', { state: 'paused', by: 'ops', since: '2026-03-01', reason: 'the lake moves' }]]);
    const statusOf = (tenant: string) =>
      Promise.resolve(paused.get(tenant) ?? ({ state: 'active' } as const));
    hold = createHoldLoads({ statusOf, now: () => now });
  });

  /** The error that a load gets. */
  async function refusal(tenant = 'UA'): Promise<HeadgateError> {
    const error: unknown = await hold(tenant)
      .then(() => undefined)
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof HeadgateError, `the load of ${tenant} was not held back`);
    return error;
  }

  it('are told by whom, since when, why, and how that ends, and asked again in 15 s', async () => {
    const error = await refusal();
    assert.deepEqual([error.code, error.retryable, error.retryAfterSeconds], ['PAUSED', true, 15]);
    assert.equal(
      error.message,
      'The warehouse of tenant UA is paused by ops, since 2026-03-01, "the lake moves". Nothing is lost; ' +
        'loads go on soon after: headgate subscription resume warehouse --tenant UA',
    );
    const failure = toApplicationFailure(error) as { category?: string; nextRetryDelay?: unknown };
    assert.deepEqual([failure.category, failure.nextRetryDelay], ['BENIGN', 15_000]);
  });

  it('of a pause that was set by hand are held back as well', async () => {
    paused.set('UA', { state: 'paused' });
    assert.match((await refusal()).message, /^The warehouse of tenant UA is paused\./);
  });

  it('of no other tenant are held back', async () => {
    await hold('DL');
  });

  it('ask two a second at most, however many there are', async () => {
    const delays: number[] = [];
    for (let load = 0; load < 100; load++) delays.push((await refusal()).retryAfterSeconds ?? 0);
    assert.deepEqual([delays[0], delays[1], delays[99]], [15, 15.5, 64.5]);
    now += 15_000;
    assert.equal((await refusal()).retryAfterSeconds, 50);
  });

  it('of a thousand paused tenants together ask some twenty times a second at most', async () => {
    const names = Array.from({ length: 1_000 }, (_, n) => `T${n}`);
    for (const name of names) paused.set(name, { state: 'paused', by: 'ops' });
    for (const name of names) await refusal(name);
    for (const name of names) assert.ok(((await refusal(name)).retryAfterSeconds ?? 0) >= 50, name);
  });

  it('go on at once after a resume, and a new pause begins anew', async () => {
    for (let load = 0; load < 100; load++) await refusal();
    const status = paused.get('UA')!;
    paused.delete('UA');
    await hold('UA');
    paused.set('UA', status);
    assert.equal((await refusal()).retryAfterSeconds, 15);
  });
});

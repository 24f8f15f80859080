import assert from 'node:assert/strict';
import { RecentRefusals } from '../../src/status/recent-refusals.js';

describe('requests that were lately refused', () => {
  let now: number;
  let refusals: RecentRefusals;

  beforeEach(() => {
    now = 1_000_000;
    refusals = new RecentRefusals(() => now);
  });

  function second(tenant: string, count: number, code = 'TENANT_RATE_LIMITED'): void {
    for (let n = 0; n < count; n++) refusals.refused(tenant, code);
    now += 1_000;
  }

  it('are told of the tenant that has more than one a second, with the code, from soon after it began', () => {
    const began = now;
    for (let at = 0; at < 20; at++) {
      refusals.refused('quiet', 'TENANT_RATE_LIMITED');
      now += 0;
      second('flood', 10, at < 2 ? 'TENANT_BACKLOG_FULL' : 'TENANT_RATE_LIMITED');
    }
    const [found, ...others] = refusals.list();
    assert.deepEqual(others, []);
    assert.deepEqual([found?.tenant, found?.code, found?.since], ['flood', 'TENANT_RATE_LIMITED', began]);
    for (let at = 0; at < 300; at++) second('flood', 10);
    const rate = refusals.list()[0]?.perSecond ?? 0;
    assert.ok(rate > 8 && rate < 12, `${rate}`);
    assert.equal(refusals.list()[0]?.since, began);
  });

  it('are told no more within a minute after the last', () => {
    for (let at = 0; at < 40; at++) second('flood', 10);
    now += 61_000;
    assert.deepEqual(refusals.list(), []);
  });

  it('are not those that concern all, nor what is wrong with a request', () => {
    for (let at = 0; at < 60; at++) {
      second('UA', 10, 'OVERLOADED');
      second('UA', 10, 'NOTHING_ACCEPTED');
    }
    assert.deepEqual(refusals.list(), []);
  });
});

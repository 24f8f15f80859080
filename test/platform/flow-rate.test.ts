import assert from 'node:assert/strict';
import { FlowRate } from '../../src/platform/flow-rate.js';

describe('a measured rate', () => {
  const about = (actual: number | undefined, expected: number): void =>
    assert.ok(
      actual !== undefined && Math.abs(actual - expected) < expected * 0.15,
      `${actual}, not about ${expected}`,
    );

  it('is unknown before anything has flowed', () => {
    assert.equal(new FlowRate().perSecond(1_000), undefined);
  });

  it('is what flows, soon after the start and later, in however large amounts', () => {
    for (const everyMs of [50, 500, 2_000]) {
      const rate = new FlowRate();
      for (let now = 0; now <= 60_000; now += everyMs) {
        rate.add(everyMs, now);
        if (now === 10_000 || now === 60_000) about(rate.perSecond(now + everyMs / 2), 1_000);
      }
    }
  });

  it('follows a change within half a minute, and a stall too', () => {
    const rate = new FlowRate();
    for (let now = 0; now < 60_000; now += 100) rate.add(100, now);
    for (let now = 60_000; now < 90_000; now += 100) rate.add(10, now);
    about(rate.perSecond(90_000), 145);
    assert.ok((rate.perSecond(180_000) ?? 1) < 1);
  });
});

import assert from 'node:assert/strict';
import { SubscriptionCosts, type SubscriptionCost } from '../../src/subscriptions/costs.js';

describe('what subscriptions cost a process', () => {
  let told: string[];
  let costs: SubscriptionCosts;

  beforeEach(() => {
    told = [];
    costs = new SubscriptionCosts((tenant, name, cores) => told.push(`${tenant} ${name} ${cores}`));
  });

  /** Ten seconds, in five parts. */
  function period(seconds: Readonly<Record<string, number>>): void {
    const parts: SubscriptionCost[] = Object.entries(seconds).map(([tenant, each]) => ({
      tenant,
      subscription: 'crm',
      cpuMicros: (each * 1e6) / 5,
    }));
    for (let part = 0; part < 5; part++) costs.add(parts, 2_000);
  }

  it('is far more than the others for one, as long as that lasts', () => {
    period({ UA: 0.1, AA: 0.1, DL: 0.1 });
    assert.deepEqual(told, []);
    period({ UA: 4, AA: 0.1, DL: 0.1 });
    period({ UA: 5, AA: 0.1, DL: 0.1 });
    period({ UA: 0.1, AA: 0.1, DL: 0.1 });
    period({ UA: 0.1, AA: 0.1, DL: 0.1 });
    assert.deepEqual(told, ['UA crm 0.4', 'UA crm 0.5', 'UA crm undefined']);
  });

  it('is told of none that is alone, of none where two cost much, and of none where all cost little', () => {
    period({ UA: 5 });
    period({ UA: 5, AA: 4 });
    period({ UA: 0.5, AA: 0 });
    assert.deepEqual(told, []);
    costs.forget('AA', 'crm');
    period({ UA: 9 });
    assert.deepEqual(told, []);
  });
});

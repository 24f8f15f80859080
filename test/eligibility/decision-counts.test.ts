import assert from 'node:assert/strict';
import { DecisionCounts } from '../../src/eligibility/decision-counts.js';

describe('counts of decisions', () => {
  it('are by tenant, rule and version', () => {
    const counts = new DecisionCounts();
    counts.add('acme', { eligible: { late: 2 }, ineligible: { late: 3, big: 1 } }, () => 'v1');
    counts.add('acme', { eligible: { late: 1 }, ineligible: {} }, () => 'v1');
    counts.add('acme', { eligible: { late: 7 }, ineligible: {} }, () => 'v2');
    counts.add('other', { eligible: { late: 9 }, ineligible: {} }, () => 'v1');
    assert.deepEqual(counts.read('acme', 'late', 'v1'), { eligible: 3, ineligible: 3 });
    assert.deepEqual(counts.read('acme', 'late', 'v2'), { eligible: 7, ineligible: 0 });
    assert.deepEqual(counts.read('acme', 'big', 'v1'), { eligible: 0, ineligible: 1 });
    assert.deepEqual(counts.read('nobody', 'late', 'v1'), { eligible: 0, ineligible: 0 });
  });

  it('of versions that are gone do not grow for ever', () => {
    const counts = new DecisionCounts();
    for (let version = 0; version < 100; version++)
      counts.add('acme', { eligible: { late: 1 }, ineligible: {} }, () => `v${version}`);
    counts.keep('acme', [{ name: 'late', version: 'v99' }]);
    assert.equal(counts.read('acme', 'late', 'v1').eligible, 0);
    assert.equal(counts.read('acme', 'late', 'v99').eligible, 1);
  });
});

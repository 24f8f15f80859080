import assert from 'node:assert/strict';
import { Arrivals } from '../../src/ingest/arrivals.js';
import { gate } from '../support/gate.js';

describe('requests that have no place in the spool yet', () => {
  it('are waited for by tenant, however they end, and those that come later are not', async () => {
    const arrivals = new Arrivals();
    const [taken, refused, later, other] = [gate(), gate(), gate(), gate()];
    arrivals.add('UA', taken.passed);
    arrivals.add('UA', refused.passed);
    arrivals.add('DL', other.passed);
    let settled = false;
    const waiting = arrivals.settledOf('UA').then(() => (settled = true));
    arrivals.add('UA', later.passed);
    taken.open();
    await new Promise(setImmediate);
    assert.equal(settled, false);
    refused.fail(new Error('refused'));
    await waiting;
    await arrivals.settledOf('AA');
  });
});

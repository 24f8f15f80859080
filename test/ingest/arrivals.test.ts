import assert from 'node:assert/strict';
import { UnderWay } from '../../src/ingest/under-way.js';
import { gate } from '../support/gate.js';

describe('requests that have no place in the spool yet', () => {
  it('are waited for by tenant, however they end, and those that come later are not', async () => {
    const arrivals = new UnderWay<{ readonly done: Promise<unknown> }>();
    const [taken, refused, later, other] = [gate(), gate(), gate(), gate()];
    arrivals.add('UA', { done: taken.passed });
    arrivals.add('UA', { done: refused.passed });
    arrivals.add('DL', { done: other.passed });
    let settled = false;
    const waiting = arrivals.settledOf('UA').then(() => (settled = true));
    arrivals.add('UA', { done: later.passed });
    taken.open();
    await new Promise(setImmediate);
    assert.equal(settled, false);
    refused.fail(new Error('refused'));
    await waiting;
    await arrivals.settledOf('AA');
  });
});

import assert from 'node:assert/strict';
import { createGroupCommit } from '../../src/platform/group-commit.js';
import { gate, type Gate } from '../support/gate.js';

describe('createGroupCommit', () => {
  it('serves all that ask during a write with the one after it, one at a time', async () => {
    const gates: Gate[] = [];
    let under = 0;
    const commit = createGroupCommit(async () => {
      assert.equal(++under, 1);
      const own = gate();
      gates.push(own);
      await own.passed.finally(() => under--);
    });
    const first = commit();
    const rest = [commit(), commit(), commit()];
    assert.equal(gates.length, 1);
    gates[0]?.open();
    // Asked while the next one is about to begin.
    const late = first.then(() => commit());
    await first;
    await new Promise(setImmediate);
    assert.equal(gates.length, 2);
    gates[1]?.open();
    await Promise.all(rest);
    await new Promise(setImmediate);
    gates[2]?.open();
    await late;
  });

  it('fails those that asked for a failed write, and no others', async () => {
    const gates: Gate[] = [];
    const commit = createGroupCommit(() => {
      const own = gate();
      gates.push(own);
      return own.passed;
    });
    const first = commit();
    const second = commit();
    gates[0]?.fail(new Error('away'));
    await assert.rejects(first, /away/);
    await new Promise(setImmediate);
    gates[1]?.open();
    await second;
  });
});

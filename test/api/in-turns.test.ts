import assert from 'node:assert/strict';
import { inTurns } from '../../src/api/in-turns.js';
import { Turns } from '../../src/platform/event-loop-turns.js';

describe('work that is done in turns', () => {
  let now: number;
  let turns: Turns;
  let done: string[];

  beforeEach(() => {
    now = 0;
    turns = new Turns({ shareMs: 10, clock: () => now });
    done = [];
  });

  /** Steps of 3 ms, by a clock that stands still otherwise. */
  const work = (tenant: string, count: number): Promise<void> | undefined =>
    inTurns({ turns, tenant }, count, (index) => {
      now += 3;
      done.push(`${tenant}${index}`);
    });
  const all = (tenant: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${tenant}${index}`);

  it('is done at once where it is short', () => {
    assert.equal(work('a', 3), undefined);
    assert.equal(work('b', 0), undefined);
    assert.deepEqual(done, all('a', 3));
  });

  it('lets other tenants have their turn where it is long, and is done in order', async () => {
    const long = work('a', 40);
    assert.ok(long !== undefined);
    assert.deepEqual(done, all('a', 4));
    assert.equal(work('b', 3), undefined);
    await long;
    assert.deepEqual(
      done.filter((each) => each.startsWith('a')),
      all('a', 40),
    );
  });

  it('waits where its tenant has had its share', async () => {
    assert.equal(work('a', 4), undefined);
    const next = work('a', 1);
    assert.ok(next !== undefined);
    assert.deepEqual(done, all('a', 4));
    await next;
    assert.equal(done.length, 5);
  });

  it('fails as a step fails', async () => {
    const fail = (index: number): void => {
      now += 3;
      if (index === 9) throw new Error('no');
    };
    await assert.rejects(async () => inTurns({ turns, tenant: 'a' }, 20, fail), /no/);
  });
});

import assert from 'node:assert/strict';
import { createReceiptClock } from '../../src/ingest/receipt-clock.js';

const DAY = 24 * 3_600_000;

describe('the clock that ids are forgotten by', () => {
  let [wall, steady] = [0, 0];
  const open = (newest?: number) => createReceiptClock({ newest, wall: () => wall, steady: () => steady });

  beforeEach(() => {
    [wall, steady] = [100 * DAY, 7];
  });

  const pass = (ms: number) => {
    wall += ms;
    steady += ms;
  };

  it("runs as this machine's does, from the newest receipt on", () => {
    const now = open(wall);
    pass(5);
    assert.equal(now(), wall);
  });

  it('passes over a clock that is ahead when it begins, or is set ahead later', () => {
    const newest = wall;
    wall += 3 * DAY;
    const now = open(newest);
    pass(5);
    assert.equal(now(), newest + 5);
    wall += 3 * DAY;
    assert.equal(now(), newest + 5);
  });

  it('follows one that is set back, and one of an empty spool', () => {
    const now = open();
    wall -= DAY;
    assert.equal(now(), wall);
    assert.equal(open()(), wall);
  });
});

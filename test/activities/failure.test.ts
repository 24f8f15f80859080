import assert from 'node:assert/strict';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { toApplicationFailure, withFailures } from '../../src/activities/failure.js';
import { HeadgateError } from '../../src/errors.js';

describe('what an activity throws', () => {
  for (const retryable of [true, false]) {
    it(`carries its code, and that it is ${retryable ? '' : 'not '}retryable, to Temporal`, () => {
      const failure = toApplicationFailure(new HeadgateError('WAREHOUSE_FAILED', 'no luck', { retryable }));
      assert.ok(failure instanceof ApplicationFailure);
      assert.deepEqual(
        [failure.type, failure.message, failure.nonRetryable],
        ['WAREHOUSE_FAILED', 'no luck', !retryable],
      );
    });
  }

  it('keeps its cause, details and delay', () => {
    const cause = new Error('below');
    const options = { retryable: true, cause, details: { left: 3 }, retryAfterSeconds: 2 };
    const failure = toApplicationFailure(new HeadgateError('OVERLOADED', 'later', options));
    assert.ok(failure instanceof ApplicationFailure);
    assert.deepEqual([failure.cause, failure.details, failure.nextRetryDelay], [cause, [{ left: 3 }], 2000]);
  });

  it('stays what it is when it is no HeadgateError: a cancellation, a failure, a bug', () => {
    for (const error of [
      new CancelledFailure('stop'),
      ApplicationFailure.create({ type: 'X' }),
      new TypeError('bug'),
    ]) {
      assert.equal(toApplicationFailure(error), error);
    }
    assert.equal(toApplicationFailure('text').message, 'text');
  });

  it('is converted by the wrapper, which passes arguments and results through', async () => {
    const activity = withFailures(async (a: number, b: number) => {
      if (b === 0) throw new HeadgateError('NOT_FOUND', 'nothing there');
      return a / b;
    });
    assert.equal(await activity(6, 3), 2);
    await assert.rejects(
      activity(1, 0),
      (error) => error instanceof ApplicationFailure && error.type === 'NOT_FOUND',
    );
  });
});

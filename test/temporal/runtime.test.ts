import assert from 'node:assert/strict';
import { ApplicationFailure } from '@temporalio/common';
import { fieldsOf } from '../../src/temporal/runtime.js';

describe('lines of the log from Temporal’s SDK', () => {
  const meta = { activityType: 'pushPass', workflowId: 'deliver/UA/crm/x', taskToken: 'CiQwMWEy' };

  it('have the code and message of what fails on purpose, and neither its stack nor the task’s token', () => {
    const error = ApplicationFailure.retryable('HEADGATE_SECRET_UA__CRM is not set.', 'SECRET_MISSING');
    assert.deepEqual(fieldsOf({ ...meta, error }), {
      activityType: 'pushPass',
      workflowId: 'deliver/UA/crm/x',
      source: 'temporal-sdk',
      code: 'SECRET_MISSING',
      problem: 'HEADGATE_SECRET_UA__CRM is not set.',
    });
  });

  it('have all of an error that nobody expected', () => {
    for (const error of [
      new TypeError('x is not a function'),
      ApplicationFailure.retryable('x', 'TypeError'),
    ])
      assert.equal(fieldsOf({ ...meta, error }).error, error);
    assert.deepEqual(fieldsOf(), { source: 'temporal-sdk' });
  });
});

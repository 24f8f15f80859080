import assert from 'node:assert/strict';
import { bounded } from '../../src/subscriptions/live-backlog.js';

describe('what waits in a queue', () => {
  const backlog = { tasks: 20, ageMs: 3 * 86_400_000, tasksPerSecond: 0 };

  it('is no more than deliveries that run: tasks of the dead are counted by Temporal', () => {
    assert.equal(bounded(backlog, 10).tasks, 10);
    assert.equal(bounded(backlog, 30).tasks, 20);
    assert.deepEqual(bounded(backlog, 0), { tasks: 0, ageMs: 0, tasksPerSecond: 0 });
  });
});

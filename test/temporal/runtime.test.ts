import assert from 'node:assert/strict';
import { install, type Clock } from '@sinonjs/fake-timers';
import { ApplicationFailure, type LogLevel, type LogMetadata } from '@temporalio/common';
import { fieldsOf, followMetrics, sdkLog } from '../../src/temporal/runtime.js';
import { recordedLog } from '../support/log.js';

const MINUTE_MS = 60_000;

describe('lines of the log from Temporal’s SDK', () => {
  const meta = { activityType: 'pushPass', workflowId: 'deliver/UA/crm/x', taskToken: 'CiQwMWEy' };
  const missing = () => ApplicationFailure.retryable('HEADGATE_SECRET_UA__CRM is not set.', 'SECRET_MISSING');

  it('have the code and message of what fails on purpose, and neither its stack nor the task’s token', () => {
    assert.deepEqual(fieldsOf({ ...meta, error: missing(), timer: 'x' }), {
      activityType: 'pushPass',
      workflowId: 'deliver/UA/crm/x',
      sdk: { timer: 'x' },
      code: 'SECRET_MISSING',
      reason: 'HEADGATE_SECRET_UA__CRM is not set.',
    });
  });

  it('have all of an error that nobody expected', () => {
    for (const error of [
      new TypeError('x is not a function'),
      ApplicationFailure.retryable('x', 'TypeError'),
    ])
      assert.equal(fieldsOf({ ...meta, error }).err, error);
    assert.deepEqual(fieldsOf(), {});
  });

  describe('that repeat', () => {
    let clock: Clock;
    let recorded: ReturnType<typeof recordedLog>;
    let sdk: ReturnType<typeof sdkLog>;

    beforeEach(() => {
      clock = install();
      recorded = recordedLog('debug');
      sdk = sdkLog(recorded.log);
    });
    afterEach(() => {
      sdk.close();
      clock.uninstall();
    });

    const write = (message: string, more: LogMetadata = {}, level: LogLevel = 'WARN'): void =>
      sdk.write({ level, message, timestampNanos: 0n, meta: { taskQueue: 'q', ...more } });
    const logged = () =>
      recorded.lines.splice(0).map(({ id, message, attempt, repeated }) => [id, message, attempt, repeated]);

    it('are one at once, and one a minute that says how many more there were', () => {
      for (let attempt = 1; attempt <= 5; attempt++) write('Activity failed', { attempt, error: missing() });
      assert.deepEqual(logged(), [['TEMPORAL_SDK', 'Activity failed', 1, undefined]]);
      clock.tick(MINUTE_MS);
      assert.deepEqual(logged(), [['TEMPORAL_SDK', 'Activity failed', 5, 4]]);
      write('Activity failed', { attempt: 6, error: missing() });
      assert.deepEqual(logged(), []);
      clock.tick(MINUTE_MS);
      assert.deepEqual(logged(), [['TEMPORAL_SDK', 'Activity failed', 6, 1]]);
      clock.tick(2 * MINUTE_MS);
      assert.deepEqual(logged(), [], 'nothing came, nothing is said');
      write('Activity failed', { attempt: 7, error: missing() });
      assert.deepEqual(logged(), [['TEMPORAL_SDK', 'Activity failed', 7, undefined]]);
    });

    it('are told apart by level, code, activity and queue, and not by numbers', () => {
      write('poll failed after 12 ms');
      write('poll failed after 15 ms');
      assert.equal(logged().length, 1);
      write('poll failed after 12 ms', {}, 'ERROR');
      write('poll failed after 12 ms', { taskQueue: 'other' });
      write('poll failed after 12 ms', { activityType: 'pushPass' });
      write('poll failed after 12 ms', { error: missing() });
      write('poll failed after 12 ms', { error: new Error('another') });
      assert.equal(logged().length, 5);
    });

    it('are remembered up to a bound: what comes beyond shares one line', () => {
      for (let n = 0; n < 2_000; n++) write('failed', { taskQueue: `tenant.t${n}` });
      assert.equal(logged().length, 501);
      assert.ok(clock.countTimers() <= 501);
      clock.tick(MINUTE_MS);
      assert.deepEqual(logged(), [['TEMPORAL_SDK', 'failed', undefined, 1_499]]);
    });

    it('are written at the end if they were held back', () => {
      write('failed');
      write('failed');
      logged();
      sdk.close();
      assert.deepEqual(logged(), [['TEMPORAL_SDK', 'failed', undefined, 1]]);
      assert.equal(clock.countTimers(), 0);
    });

    it('are all there for whoever asks for the SDK’s own progress, but for what is by design', () => {
      for (let n = 0; n < 3; n++) write('Worker state changed', {}, 'INFO');
      write('No workflows registered, not polling for workflow tasks', {}, 'INFO');
      assert.equal(logged().length, 3);
    });

    it('are not those of our own workflows, which have ids of their own', () => {
      for (const signal of ['redrive', 'discard'])
        write('SIGNAL_IGNORED', { signal, workflowId: 'w', sdkComponent: 'workflow' });
      assert.deepEqual(
        recorded.lines.map(({ id, level, msg, signal, workflowId }) => [id, level, msg, signal, workflowId]),
        ['redrive', 'discard'].map((signal) => [
          'SIGNAL_IGNORED',
          40,
          'a signal was ignored because its argument is invalid',
          signal,
          'w',
        ]),
      );
    });
  });
});

describe('what Temporal’s SDK measures', () => {
  it('is asked for again after a take has failed, which is said once a minute and ends nothing', () => {
    const clock = install();
    const recorded = recordedLog('debug');
    let takes = 0;
    const measuredBySdk = (): void => {
      takes++;
      throw new Error('internal error in Neon module');
    };
    const followed = followMetrics({ measuredBySdk }, recorded.log);
    try {
      clock.tick(10_000);
      assert.equal(takes, 100);
      const lost = () => recorded.lines.filter(({ id }) => id === 'SDK_METRICS_LOST');
      assert.deepEqual(
        lost().map(({ reason }) => reason),
        ['internal error in Neon module'],
      );
      clock.tick(MINUTE_MS);
      assert.equal(lost().length, 2);
    } finally {
      followed.close();
      clock.uninstall();
    }
  });
});

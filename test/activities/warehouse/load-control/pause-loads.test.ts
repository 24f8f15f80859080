import assert from 'node:assert/strict';
import {
  createPauseLoads,
  type PauseLoads,
} from '../../../../src/activities/warehouse/load-control/pause-loads.js';
import { HeadgateError } from '../../../../src/errors.js';

describe('loads that the warehouse refuses', () => {
  let now: number;
  let pauses: [string, string][];
  let pauseLoads: PauseLoads;
  let warned: string[];
  const log = { warn: (id: string) => void warned.push(id) };

  beforeEach(() => {
    now = 1_000_000;
    pauses = [];
    warned = [];
    const pause = async (tenant: string, reason: string) => void pauses.push([tenant, reason]);
    pauseLoads = createPauseLoads({ pause, log, now: () => now });
  });

  const refusal = (message = 'Access Denied: grant roles/bigquery.jobUser.') =>
    new HeadgateError('WAREHOUSE_REFUSED', message);

  it('pause their warehouse with what it said, and are tried again', async () => {
    const error = await pauseLoads('UA', refusal(), now - 1);
    assert.deepEqual(pauses, [['UA', 'Access Denied: grant roles/bigquery.jobUser.']]);
    assert.deepEqual([error.code, error.retryable, error.retryAfterSeconds], ['WAREHOUSE_REFUSED', true, 15]);
    assert.match(error.message, /^Access Denied: .* headgate subscription resume warehouse --tenant UA$/);
  });

  it('pause it once, however many were on their way', async () => {
    const began = now - 1;
    const errors = await Promise.all(Array.from({ length: 50 }, () => pauseLoads('UA', refusal(), began)));
    now += 60_000;
    errors.push(await pauseLoads('UA', refusal(), began));
    assert.equal(pauses.length, 1);
    assert.ok(errors.every(({ retryable }) => retryable));
  });

  it('pause it again when they have begun since, by the reason they have now', async () => {
    await pauseLoads('UA', refusal(), now - 1);
    now += 60_000;
    await pauseLoads('UA', refusal('Not found: dataset'), now - 1);
    assert.deepEqual(pauses[1], ['UA', 'Not found: dataset']);
  });

  it('do not pause that of another tenant', async () => {
    await pauseLoads('UA', refusal(), now - 1);
    await pauseLoads('DL', refusal(), now - 1);
    assert.deepEqual(
      pauses.map(([tenant]) => tenant),
      ['UA', 'DL'],
    );
  });

  it('are tried again also where it could not be paused, and pause it the next time', async () => {
    let away = true;
    pauseLoads = createPauseLoads({
      pause: async (tenant, reason) => {
        if (away) throw new Error('Temporal is away');
        pauses.push([tenant, reason]);
      },
      log,
      now: () => now,
    });
    assert.equal((await pauseLoads('UA', refusal(), now - 1)).retryable, true);
    assert.deepEqual(warned, ['WAREHOUSE_NOT_PAUSED']);
    away = false;
    await pauseLoads('UA', refusal(), now - 1);
    assert.equal(pauses.length, 1);
  });
});

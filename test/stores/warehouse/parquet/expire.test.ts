import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError } from '../../../../src/errors.js';
import { compactTenant } from '../../../../src/stores/warehouse/parquet/compaction.js';
import { expireDays } from '../../../../src/stores/warehouse/parquet/expire.js';
import { batchId, event, Fixture } from '../fixture.js';

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const RETENTION = 40 * DAY;
/** The moment from which on 10 March is not kept any more. */
const EXPIRES = Date.parse('2024-03-11') + RETENTION;

describe('days of a warehouse whose retention is over', function () {
  this.timeout(30_000);
  let fixture: Fixture;

  beforeEach(async () => {
    fixture = new Fixture();
    await fixture.put(1, [event('old')]);
    await fixture.put(2, [event('p')], 'user-properties');
    await fixture.load('load-3', [fixture.batch(batchId(3, '20240311'), [event('new')])], {
      day: '2024-03-11',
    });
    await fixture.put(1, [event('other')], 'events', 'DL');
  });
  afterEach(() => fixture.close());

  const dayOf = (table: string, day = '2024-03-10', tenant = 'UA') =>
    join(fixture.root, tenant, table, `day=${day}`);
  const expire = (now: number, more = {}) =>
    expireDays({ root: fixture.root, tenant: 'UA', retentionMs: RETENTION, now, ...more });
  const ids = (tenant = 'UA') => fixture.rows('SELECT id FROM events ORDER BY id', tenant);
  /** As if the marks had been set at that time. */
  const markedAt = (time: number): void => {
    for (const table of ['events', 'user_properties'])
      utimesSync(join(dayOf(table), '.expired'), time / 1000, time / 1000);
  };

  it('are not read any more at once, and deleted an hour later; other days and tenants are left alone', async () => {
    assert.deepEqual(await expire(EXPIRES - 1), { marked: 0, deleted: 0, files: 0 });
    assert.deepEqual(await ids(), [['new'], ['old']]);
    assert.deepEqual(await expire(EXPIRES), { marked: 2, deleted: 0, files: 0 });
    assert.deepEqual(await ids(), [['new']]);
    assert.deepEqual(await fixture.rows('SELECT count(*) FROM user_properties_latest'), [[0]]);
    markedAt(EXPIRES);
    assert.deepEqual(await expire(EXPIRES + HOUR - 1), { marked: 0, deleted: 0, files: 0 });
    assert.deepEqual(readdirSync(dayOf('events')), ['.expired', 'load-1.parquet']);
    assert.deepEqual(await expire(EXPIRES + HOUR), { marked: 0, deleted: 2, files: 2 });
    assert.equal(existsSync(dayOf('events')), false);
    assert.deepEqual(await expire(EXPIRES + HOUR), { marked: 0, deleted: 0, files: 0 });
    assert.deepEqual([await ids(), await ids('DL')], [[['new']], [['other']]]);
  });

  it('do not come back when the deletion was cut short', async () => {
    await fixture.put(5, [event('old too')]);
    await expire(EXPIRES);
    markedAt(EXPIRES);
    rmSync(join(dayOf('events'), 'load-1.parquet'));
    assert.deepEqual(await ids(), [['new']]);
    assert.deepEqual(await expire(EXPIRES + HOUR), { marked: 0, deleted: 2, files: 2 });
    assert.deepEqual(await ids(), [['new']]);
  });

  it('come back when the retention is made longer before they are deleted', async () => {
    await expire(EXPIRES);
    await expire(EXPIRES + HOUR, { retentionMs: 2 * RETENTION });
    assert.deepEqual(await ids(), [['new'], ['old']]);
    assert.deepEqual(readdirSync(dayOf('events')), ['load-1.parquet']);
  });

  it('keep their batches from being loaded again while they are there', async () => {
    await expire(EXPIRES);
    const { loaded, alreadyHeld } = await fixture.load('again', [fixture.batch(batchId(1), [event('old')])]);
    assert.deepEqual([loaded, alreadyHeld], [[], [batchId(1)]]);
  });

  it('are left alone by a compaction', async () => {
    await fixture.put(5, [event('old too')]);
    await expire(EXPIRES);
    const { written } = await compactTenant({
      root: fixture.root,
      tenant: 'UA',
      olderThanMs: 0,
      graceMs: 0,
      now: EXPIRES,
    });
    assert.equal(written, 1);
    assert.deepEqual(readdirSync(dayOf('events')), ['.expired', 'load-1.parquet', 'load-5.parquet']);
  });

  it('lead out of the directory of the tenant by no link', async () => {
    const theirs = dayOf('events', '2024-03-10', 'DL');
    symlinkSync(theirs, dayOf('events', '2024-03-09'));
    symlinkSync(theirs, join(dayOf('events'), 'link'));
    symlinkSync(join(fixture.root, 'DL', 'events'), join(fixture.root, 'UA', 'decisions'));
    symlinkSync(join(fixture.root, 'DL'), join(fixture.root, 'AA'));
    await expire(EXPIRES);
    markedAt(EXPIRES);
    await expire(EXPIRES + HOUR);
    await expire(EXPIRES + HOUR, { tenant: 'AA' });
    assert.equal(existsSync(dayOf('events')), false);
    assert.deepEqual(readdirSync(theirs), ['load-1.parquet']);
    await assert.rejects(
      expire(EXPIRES, { tenant: '../DL' }),
      (error) => error instanceof HeadgateError && error.code === 'TENANT_ID_INVALID',
    );
  });

  it('are those of dates: what is named otherwise stays, and so does a directory in a day', async () => {
    const odd = dayOf('events', 'never');
    mkdirSync(odd);
    writeFileSync(join(odd, 'x.parquet'), '');
    mkdirSync(join(dayOf('events'), 'mine'));
    await expire(EXPIRES);
    markedAt(EXPIRES);
    assert.equal((await expire(EXPIRES + HOUR)).files, 2);
    assert.deepEqual(readdirSync(odd), ['x.parquet']);
    assert.deepEqual(readdirSync(dayOf('events')), ['mine']);
  });

  it('may vanish while a query reads its list of files', async () => {
    for (let n = 10; n < 30; n += 1)
      await fixture.load(`late-${n}`, [fixture.batch(batchId(n), [event(`n${n}`)])], { day: '2024-03-11' });
    await compactTenant({ root: fixture.root, tenant: 'UA', olderThanMs: 0, graceMs: HOUR });
    await fixture.load('last', [fixture.batch(batchId(31), [event('last')])]);
    await expire(EXPIRES);
    markedAt(EXPIRES);
    const [rows] = await Promise.all([ids(), expire(EXPIRES + HOUR)]);
    assert.equal(rows.length, 21);
  });
});

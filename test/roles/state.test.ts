import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '../../src/platform/logger.js';
import { openStateStore } from '../../src/roles/state.js';
import { dataPaths } from '../../src/roles/stores.js';
import { openLmdbStateStore } from '../../src/stores/state/lmdb.js';
import type { StateStore } from '../../src/stores/state/state-store.js';
import { newStateUrl, placeOf, usePostgres } from '../support/postgres.js';
import { openStateAt, subjectIn } from '../support/state-stores.js';
import { useTempDir } from '../support/temp-dir.js';

/** More than are migrated at once. */
const SUBJECTS = 2_500;

describe('the state of a data directory', function () {
  this.timeout(30_000);
  const server = usePostgres();
  const dir = useTempDir();
  let url: string;
  let opened: StateStore[];

  beforeEach(() => {
    url = newStateUrl(server());
    opened = [];
  });
  afterEach(() => Promise.all(opened.map((store) => store.close())));

  async function open(at?: string): Promise<StateStore> {
    const options = { log: createLogger('silent'), onFatal: assert.fail, lockWaitMs: 5_000 };
    const store = await openStateStore(
      { dataDir: dir(), state: at === undefined ? undefined : placeOf(at) },
      options,
    );
    opened.push(store);
    return store;
  }

  async function openAndClose(at?: string): Promise<void> {
    await open(at);
    await opened.pop()?.close();
  }

  const marked = (): boolean => existsSync(join(dir(), 'state-on-postgres.json'));

  async function onLmdb(watermark: number, count = SUBJECTS): Promise<void> {
    const lmdb = openLmdbStateStore(dataPaths(dir()).state);
    const subjects = Array.from({ length: count }, (_, n) => ({
      tenant: n % 2 === 0 ? 'UA' : 'DL',
      subject: `a/s\0${n}`,
      json: JSON.stringify({
        profile: { values: { n }, times: {} },
        state: { aggregates: {} },
        decisions: {},
      }),
    }));
    const watermarks = new Map([
      ['UA', watermark],
      ['DL', watermark + 1],
    ]);
    await lmdb.checkpoint({ subjects, watermarks });
    await lmdb.close();
  }

  const refused = (message: RegExp) => ({ code: 'STATE_REFUSED', retryable: false, message });

  it('is on LMDB unless it is said otherwise, and then without a mark', async () => {
    await openAndClose();
    assert.ok(existsSync(dataPaths(dir()).state));
    assert.equal(marked(), false);
    await open();
  });

  it('is migrated to Postgres, every subject and every watermark, and used there from then on', async () => {
    await onLmdb(7);
    const store = await open(url);
    assert.deepEqual([store.watermark('UA'), store.watermark('DL')], [7, 8]);
    const names = Array.from({ length: SUBJECTS }, (_, n) => ({
      tenant: n % 2 === 0 ? 'UA' : 'DL',
      subject: `a/s\0${n}`,
    }));
    const records = await store.subjects(names);
    records.forEach((record, n) => assert.equal(record?.profile?.values.n, n));
    await store.checkpoint({ subjects: [], watermarks: new Map([['UA', 20]]) });
    await opened.pop()?.close();
    assert.equal((await open(url)).watermark('UA'), 20, 'and not once more');
  });

  it('is migrated again when the process died on the way', async () => {
    await onLmdb(7);
    // Some subjects are there, of an older state, and no watermark: so far it had come.
    const half = await openStateAt(url);
    const json = JSON.stringify({ state: { aggregates: {} }, decisions: {} });
    await half.checkpoint({ subjects: [{ tenant: 'UA', subject: 'a/s\x000', json }], watermarks: new Map() });
    await half.close();
    const store = await open(url);
    assert.equal((await subjectIn(store, 'UA', 'a/s\x000'))?.profile?.values.n, 0);
    assert.equal(store.watermark('UA'), 7);
  });

  it('is found again when the process died before it had left its mark', async () => {
    await onLmdb(7);
    await openAndClose(url);
    rmSync(join(dir(), 'state-on-postgres.json'));
    const store = await open(url);
    assert.deepEqual([store.watermark('UA'), marked()], [7, true]);
  });

  it('is not taken for lost when it is looked for in the wrong place', async () => {
    await openAndClose(url);
    await assert.rejects(open(), refused(/is in postgres:.*HEADGATE_STATE is not set/));
    await assert.rejects(open(newStateUrl(server())), refused(/has another/));
    assert.ok(await open(url), 'the attempts have changed nothing');
  });

  it('is not put over that of another data directory', async () => {
    await onLmdb(7);
    const other = await openStateAt(url);
    await other.checkpoint({ subjects: [], watermarks: new Map([['UA', 3]]) });
    await other.close();
    await assert.rejects(open(url), refused(/Both .* hold a state/));
    assert.equal(marked(), false);
  });

  it('leaves a mark without the password', async () => {
    await openAndClose(url.replace('headgate@', 'headgate:hush-hush@'));
    assert.doesNotMatch(readFileSync(join(dir(), 'state-on-postgres.json'), 'utf8'), /hush/);
  });
});

import assert from 'node:assert/strict';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPACTION_FAULT_POINTS } from '../../src/platform/fault-point.js';
import { killAll, runHeadgate, type Finished } from '../support/headgate.js';
import { countInFiles, rowsInFiles } from '../support/parquet.js';
import { batchId, event, Fixture } from '../stores/warehouse/fixture.js';

const IDS = ['e1', 'e2', 'e3'];

describe('headgate compact', function () {
  this.timeout(60_000);
  let fixture: Fixture;

  beforeEach(async () => {
    fixture = new Fixture();
    for (const [n, id] of IDS.entries()) {
      await fixture.put(n, [event(id)]);
      await fixture.put(n + 10, [event(`p-${id}`, { data: { [id]: n } })], 'user-properties');
    }
    writeFileSync(join(fixture.dir, 'ids'), IDS.join('\n'));
  });
  afterEach(async () => {
    await killAll();
    await fixture.close();
  });

  const run = (args: string[], more: Record<string, string> = {}): Promise<Finished> =>
    runHeadgate(args, { HEADGATE_DATA_DIR: fixture.dir, ...more });
  const compact = (more: Record<string, string> = {}) => run(['compact', 'UA', '--grace', '0s'], more);
  const shown = async () => [
    await fixture.rows('SELECT * FROM events ORDER BY id'),
    await fixture.rows('SELECT * FROM user_properties_latest'),
  ];
  const parquetFiles = () => fixture.files().filter((name) => name.endsWith('.parquet'));

  async function assertAuditClean(): Promise<void> {
    const { code, stdout } = await run(['audit', '--tenant', 'UA', '--ids', join(fixture.dir, 'ids')]);
    assert.equal(code, 0, stdout);
  }

  it('keeps what it has replaced for a while; the audit is clean before and after', async () => {
    const first = await run(['compact', 'UA']);
    assert.equal(first.stdout, '6 files replaced by 2; 0 replaced files removed, 6 kept for now\n');
    await assertAuditClean();
    assert.equal(
      (await compact()).stdout,
      '0 files replaced by 0; 6 replaced files removed, 0 kept for now\n',
    );
    await assertAuditClean();
    assert.deepEqual(await countInFiles(fixture.root, 'UA'), { events: 3, user_properties: 3, decisions: 0 });
  });

  it('says what it does not understand', async () => {
    assert.match(
      (await run(['compact', 'UA', '--older-than', '1'])).stderr,
      /Give a duration as 30m, 6h or 1d/,
    );
    assert.match((await run(['compact', '../DL'])).stderr, /\[TENANT_ID_INVALID\]/);
  });

  for (const point of COMPACTION_FAULT_POINTS) {
    for (const passes of [1, 2]) {
      it(`killed at ${point}, the time no. ${passes}, shows each row once and ends like one that was not`, async () => {
        const before = await shown();
        const killed = await compact({ HEADGATE_FAULT: `${point}:${passes}` });
        assert.equal(killed.signal, 'SIGKILL', killed.stderr);
        assert.deepEqual(await shown(), before);
        await assertAuditClean();

        const again = await compact();
        assert.deepEqual([again.code, again.stderr], [0, '']);
        assert.deepEqual(await shown(), before);
        assert.equal(parquetFiles().length, 2);
        assert.deepEqual(await countInFiles(fixture.root, 'UA'), {
          events: 3,
          user_properties: 3,
          decisions: 0,
        });
        const batch = fixture.batch('20240310-0123abcd-000000001', [event('e2')]);
        assert.deepEqual((await fixture.load('again', [batch])).loaded, []);
      });
    }
  }

  it('removes the half-written file of one that was killed, an hour later', async () => {
    await compact({ HEADGATE_FAULT: 'compact-rename.before' });
    const directory = join(fixture.root, 'UA', 'events', 'day=2024-03-10');
    const [left = ''] = readdirSync(directory).filter((name) => name.endsWith('.tmp'));
    utimesSync(join(directory, left), 0, 0);
    await compact();
    assert.equal(readdirSync(directory).length, 1);
  });

  describe('with ids that come again, and files that are compacted already,', () => {
    const day = (n: number) => ({ day: `2024-03-1${n}`, loadedAt: `2024-03-1${n}T12:00:00.000Z` });
    const put = (name: string, n: number, sequence: number, ids: readonly string[]) =>
      fixture.load(
        name,
        [
          fixture.batch(
            batchId(sequence, `2024031${n}`),
            ids.map((id) => event(id)),
          ),
        ],
        day(n),
      );

    beforeEach(async () => {
      await put('first', 1, 20, ['e1', 'e4', 'e4']);
      await compact();
      await put('late', 0, 21, ['e4', 'e5']);
      await put('later', 1, 22, ['e2', 'e5', 'e6']);
    });

    for (const point of COMPACTION_FAULT_POINTS) {
      for (const passes of [1, 2]) {
        it(`killed at ${point}, the time no. ${passes}, shows each id once, and marks all its other rows`, async () => {
          const before = await shown();
          const killed = await compact({ HEADGATE_FAULT: `${point}:${passes}` });
          assert.equal(killed.signal, 'SIGKILL', killed.stderr);
          assert.deepEqual(await shown(), before);
          // Something comes between the crash and the next run, that repeats what may be half compacted.
          await put('between', 2, 23, ['e5', 'e6', 'e1']);
          assert.deepEqual(await shown(), before);

          assert.equal((await compact()).code, 0);
          assert.deepEqual(await shown(), before);
          const rows = await rowsInFiles(fixture.root, 'UA', 'events', 'id, _repeated');
          const firsts = rows.filter(([, repeated]) => repeated === false).map(([id]) => id);
          assert.deepEqual(firsts.sort(), ['e1', 'e2', 'e3', 'e4', 'e5', 'e6']);
          assert.equal(rows.length, 14);
        });
      }
    }
  });
});

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HeadgateError } from '../../../../src/errors.js';
import { batchId, decision, event, Fixture } from '../fixture.js';

const code = (wanted: string, retryable: boolean) => (error: unknown) =>
  error instanceof HeadgateError && error.code === wanted && error.retryable === retryable;

describe('the Parquet warehouse', function () {
  this.timeout(20_000);
  let fixture: Fixture;

  beforeEach(() => {
    fixture = new Fixture();
  });
  afterEach(() => fixture.close());

  describe('a load', () => {
    it('becomes one file, named by the load, under tenant, table and day', async () => {
      const batches = [
        fixture.batch(batchId(1), [event('a'), event('b')]),
        fixture.batch(batchId(2), [event('c')]),
      ];
      const result = await fixture.load('w1', batches);
      const file = join('events', 'day=2024-03-10', 'w1.parquet');
      assert.deepEqual(fixture.files(), [file]);
      const { bytes, ...rest } = result;
      assert.equal(bytes, readFileSync(join(fixture.root, 'UA', file)).length);
      assert.deepEqual(rest, {
        loadId: 'w1',
        rows: 3,
        loaded: [batchId(1), batchId(2)],
        alreadyHeld: [],
        file,
      });
    });

    it('gives the CloudEvents attributes their types and adds batch, load and time', async () => {
      const full = event('a', {
        time: '2013-01-01T05:17:00.25-05:00',
        datacontenttype: 'application/json',
        dataschema: 'https://example.com/schema',
        priority: 'high',
        stage: 'live',
        extensions: { traceid: 'x', n: 2, b: true },
        data_base64: 'AAE=',
      });
      await fixture.load('w1', [fixture.batch(batchId(7), [full])]);
      const described = await fixture.rows('SELECT column_name, column_type FROM (DESCRIBE events)');
      assert.deepEqual(Object.fromEntries(described), {
        id: 'VARCHAR',
        source: 'VARCHAR',
        specversion: 'VARCHAR',
        type: 'VARCHAR',
        time: 'TIMESTAMP WITH TIME ZONE',
        subject: 'VARCHAR',
        datacontenttype: 'VARCHAR',
        dataschema: 'VARCHAR',
        priority: 'VARCHAR',
        stage: 'VARCHAR',
        extensions: 'JSON',
        data: 'JSON',
        data_base64: 'VARCHAR',
        received_at: 'TIMESTAMP WITH TIME ZONE',
        batch_id: 'VARCHAR',
        load_id: 'VARCHAR',
        loaded_at: 'TIMESTAMP WITH TIME ZONE',
        day: 'DATE',
      });
      assert.deepEqual(await fixture.rows('SELECT * FROM events'), [
        [
          'a',
          '/test',
          '1.0',
          'thing.happened',
          '2013-01-01T10:17:00.250Z',
          's1',
          'application/json',
          'https://example.com/schema',
          'high',
          'live',
          { traceid: 'x', n: 2, b: true },
          { n: 1 },
          'AAE=',
          '2024-03-10T12:00:01.000Z',
          batchId(7),
          'w1',
          '2024-03-10T12:00:05.000Z',
          '2024-03-10',
        ],
      ]);
    });

    it('keeps every form of data, and takes nothing in it for a column', async () => {
      const forms: [string, unknown][] = [
        ['array', [1, 'two', null, { three: [] }]],
        ['deep', { a: { b: { c: [{ d: null }] } }, id: 'not the id', time: 'no time' }],
        ['nul', { 'k\u0000ey': 'a\u0000b' }],
        ['number', 1.5],
        ['quotes', `it's "quoted" \\ and {braces}`],
        ['true', true],
        ['unicode', { 'ключ 🔑': 'é\u2028\u{1F6EB}' }],
      ];
      const rows = forms.map(([id, data]) => event(id, { data }));
      await fixture.put(1, [...rows, event('null', { data: null }), event('none', { data: undefined })]);
      const read = await fixture.rows(
        `SELECT id, data FROM events WHERE id NOT IN ('null', 'none') ORDER BY id`,
      );
      assert.deepEqual(read, forms);
      const empty = await fixture.rows(`SELECT id FROM events WHERE data IS NULL ORDER BY id`);
      assert.deepEqual(empty, [['none'], ['null']]);
    });

    it('has the time to the microsecond: further digits are cut, never rounded up', async () => {
      const times = ['2024-03-10T12:00:00.123456789Z', '2024-03-10T12:59:59.999999999+01:00'];
      await fixture.put(
        1,
        times.map((time, n) => event(`t${n}`, { time })),
      );
      assert.deepEqual(await fixture.rows('SELECT id, epoch_us(time)::VARCHAR FROM events ORDER BY id'), [
        ['t0', '1710072000123456'],
        ['t1', '1710071999999999'],
      ]);
    });

    it('takes NUL and any script in the attributes too', async () => {
      await fixture.put(1, [event('i\u0000d', { subject: 'Ñ🛫', source: "/o'hare;--" })]);
      assert.deepEqual(await fixture.rows('SELECT id, subject, source FROM events'), [
        ['i\u0000d', 'Ñ🛫', "/o'hare;--"],
      ]);
    });

    it('loads user properties and decisions into tables of their own', async () => {
      await fixture.put(1, [event('p', { type: 'user.properties' })], 'user-properties');
      await fixture.load('d1', [fixture.batch(batchId(2), [decision('e1:late:1', { subject: null })])], {
        stream: 'decisions',
      });
      assert.deepEqual(await fixture.rows('SELECT id, batch_id FROM user_properties'), [['p', batchId(1)]]);
      // The file of decisions has the id of the batch of events they were made on.
      assert.deepEqual(await fixture.rows('SELECT * FROM decisions'), [
        [
          'e1:late:1',
          'e1',
          '/test',
          null,
          'late',
          '1',
          'eligible',
          'delay 200 >= 180',
          '2024-03-10T12:00:00.000Z',
          batchId(2),
          'd1',
          '2024-03-10T12:00:05.000Z',
          '2024-03-10',
        ],
      ]);
      assert.deepEqual(await fixture.rows('SELECT count(*) FROM events'), [[0]]);
    });

    it('of no batches, or of a batch without lines, is fine', async () => {
      assert.equal((await fixture.load('w0', [])).rows, 0);
      assert.equal(existsSync(fixture.root), false);
      const result = await fixture.load('w1', [fixture.batch(batchId(1), [])]);
      assert.deepEqual([result.rows, result.loaded], [0, [batchId(1)]]);
      assert.deepEqual(await fixture.rows('SELECT * FROM events'), []);
    });

    it('works where the directory has quotes, blanks and glob characters in its name', async () => {
      const odd = new Fixture("head gate's [x]*{y}-");
      try {
        await odd.put(1, [event('a')]);
        await odd.put(2, [event('b')]);
        assert.deepEqual(await odd.rows('SELECT id FROM events ORDER BY id'), [['a'], ['b']]);
        assert.equal((await odd.put(1, [event('a')])).rows, 1);
      } finally {
        await odd.close();
      }
    });
  });

  describe('the ledger', () => {
    it('leaves out a batch that an earlier load brought in', async () => {
      const [one, two] = [fixture.batch(batchId(1), [event('a')]), fixture.batch(batchId(2), [event('b')])];
      await fixture.load('w1', [one]);
      await fixture.restart();
      const result = await fixture.load('w2', [one, two]);
      assert.deepEqual([result.rows, result.loaded, result.alreadyHeld], [1, [batchId(2)], [batchId(1)]]);
      // Counted in the file itself: the view would hide a double.
      const file = join(fixture.root, 'UA', result.file ?? '');
      const rows = await fixture.rows(`SELECT id, load_id FROM '${file}'`);
      assert.deepEqual(rows, [['b', 'w2']]);
      assert.deepEqual(await fixture.rows('SELECT id, load_id FROM events ORDER BY id'), [
        ['a', 'w1'],
        ['b', 'w2'],
      ]);
    });

    it('writes no file when nothing is left, even if the batch files are gone by then', async () => {
      const batch = fixture.batch(batchId(1), [event('a')]);
      await fixture.load('w1', [batch]);
      rmSync(batch.path);
      const result = await fixture.load('w2', [batch, batch]);
      assert.deepEqual(result, { loadId: 'w2', rows: 0, bytes: 0, loaded: [], alreadyHeld: [batchId(1)] });
      assert.equal(fixture.files().length, 1);
    });

    it('sees what a load under way brings in: two loads of one batch at once load it once', async () => {
      const batch = fixture.batch(batchId(1), [event('a')]);
      const results = await Promise.all(['w1', 'w2', 'w3'].map((id) => fixture.load(id, [batch])));
      assert.equal(results.flatMap((result) => result.loaded).length, 1);
      assert.equal(fixture.files().length, 1);
    });
  });

  describe('a retry', () => {
    it('under the same load id gives the same result and leaves the file as it is', async () => {
      const batches = [fixture.batch(batchId(1), [event('a')]), fixture.batch(batchId(2), [event('b')])];
      const first = await fixture.load('w1', batches);
      const path = join(fixture.root, 'UA', first.file ?? '');
      const before = readFileSync(path);
      utimesSync(path, 1, 1);
      await fixture.restart();
      for (const batch of batches) rmSync(batch.path);
      assert.deepEqual(await fixture.load('w1', batches), first);
      assert.deepEqual(readFileSync(path), before);
    });

    it('that a reset gave more batches adds them beside, overwriting nothing', async () => {
      const batches = [1, 2].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
      await fixture.load('w1', [batches[0]!]);
      const result = await fixture.load('w1', batches);
      assert.deepEqual([result.rows, result.loaded, result.alreadyHeld], [2, [batchId(1), batchId(2)], []]);
      assert.deepEqual(await fixture.load('w1', batches), result);
      assert.equal(fixture.files().length, 2);
      assert.deepEqual(await fixture.rows('SELECT id FROM events ORDER BY id'), [['e1'], ['e2']]);
    });
  });

  it('never takes the name of a file that is there, even in a day long before its batches', async () => {
    const batches = [1, 2].map((n) => fixture.batch(batchId(n, '20240320'), [event(`e${n}`)]));
    for (const batch of batches) await fixture.load('w1', [batch], { day: '2024-03-10' });
    assert.deepEqual(await fixture.rows('SELECT id FROM events ORDER BY id'), [['e1'], ['e2']]);
  });

  describe('crash leftovers', () => {
    const leftover = (name: string, ageMs: number): string => {
      const path = join(fixture.root, 'UA', 'events', 'day=2024-01-01', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'half a file');
      const seconds = (Date.now() - ageMs) / 1000;
      utimesSync(path, seconds, seconds);
      return path;
    };

    it('are not read, and removed by the next load when older than an hour', async () => {
      const old = leftover('.w0.parquet.1.tmp', 61 * 60 * 1000);
      const young = leftover('.w1.parquet.2.tmp', 59 * 60 * 1000);
      assert.deepEqual(await fixture.rows('SELECT id FROM events'), []);
      await fixture.put(1, [event('a')]);
      assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
      assert.deepEqual(await fixture.rows('SELECT id FROM events'), [['a']]);
    });

    it('are not made by a load that fails', async () => {
      await assert.rejects(fixture.load('w1', [fixture.batch(batchId(1), ['{"id": "a", "time": "never"}'])]));
      assert.deepEqual(fixture.files(), []);
    });
  });

  describe('fails', () => {
    it('with WAREHOUSE_FAILED, to be retried, when rows are missing or too many', async () => {
      const batch = fixture.batch(batchId(1), [event('e1'), event('e2')]);
      for (const rows of [1, 3])
        await assert.rejects(fixture.load('load-1', [{ ...batch, rows }]), {
          code: 'WAREHOUSE_FAILED',
          retryable: true,
          message: new RegExp(`2 rows were read from 1 batch files that have ${rows}$`),
        });
      assert.deepEqual(fixture.files(), []);
      assert.deepEqual((await fixture.load('load-1', [batch])).rows, 2);
    });

    const input = { tenant: 'UA', loadId: 'w1', day: '2024-03-10', loadedAt: '2024-03-10T12:00:05Z' };
    for (const [name, value, wanted] of [
      ['tenant', '../DL', 'TENANT_ID_INVALID'],
      ['loadId', '../w1', 'WAREHOUSE_FAILED'],
      ['loadId', '..', 'WAREHOUSE_FAILED'],
      ['loadId', "w'1", 'WAREHOUSE_FAILED'],
      ['loadId', '', 'WAREHOUSE_FAILED'],
      ['day', '2024-03-10/../..', 'WAREHOUSE_FAILED'],
      ['day', '2024-13-10', 'WAREHOUSE_FAILED'],
      ['loadedAt', "2024-03-10T12:00:05Z'", 'WAREHOUSE_FAILED'],
      ['stream', 'audit', 'WAREHOUSE_FAILED'],
    ] as const) {
      it(`for good when ${name} is ${JSON.stringify(value)}`, async () => {
        const batch = fixture.batch(batchId(1), [event('a')]);
        await assert.rejects(fixture.load('w1', [batch], { ...input, [name]: value }), code(wanted, false));
        assert.equal(existsSync(fixture.root), false);
      });
    }

    it('for good when a batch id or path is not ours', async () => {
      const batch = fixture.batch(batchId(1), [event('a')]);
      await assert.rejects(fixture.load('w1', [{ ...batch, batchId: '../x' }]), code('NOT_FOUND', false));
      for (const path of [
        `batches/${batchId(1)}.ndjson.gz`,
        '/etc/passwd',
        `${batch.path}/`.replace('.gz/', '.gz\0'),
      ]) {
        await assert.rejects(fixture.load('w1', [{ ...batch, path }]), code('WAREHOUSE_FAILED', false));
      }
    });
  });

  describe('an abort', () => {
    it('before or while waiting for a turn rejects with the reason and writes nothing', async () => {
      const [one, two] = [fixture.batch(batchId(1), [event('a')]), fixture.batch(batchId(2), [event('b')])];
      const aborted = new AbortController();
      const reason = new Error('cancelled by the test');
      const first = fixture.load('w1', [one]);
      const waiting = fixture.load('w2', [two], { signal: aborted.signal });
      aborted.abort(reason);
      await assert.rejects(waiting, reason);
      await first;
      await assert.rejects(fixture.load('w3', [two], { signal: aborted.signal }), reason);
      assert.deepEqual(fixture.files(), [join('events', 'day=2024-03-10', 'w1.parquet')]);
    });

    it('in the middle of a load interrupts it and leaves nothing behind', async () => {
      const many = Array.from({ length: 60_000 }, (_, n) =>
        event(`e${n}`, { data: { text: `${n}`.repeat(40) } }),
      );
      const batch = fixture.batch(batchId(1), many);
      await fixture.put(2, [event('warm')]);
      const aborted = new AbortController();
      const loading = fixture.load('w1', [batch], { signal: aborted.signal });
      const timer = setInterval(() => {
        if (fixture.files().some((file) => file.endsWith('.tmp'))) aborted.abort(new Error('enough'));
      }, 1);
      await assert.rejects(loading, /enough/).finally(() => clearInterval(timer));
      assert.deepEqual(fixture.files(), [join('events', 'day=2024-03-10', 'load-2.parquet')]);
      assert.equal((await fixture.load('w1', [batch])).rows, 60_000);
    });
  });

  describe('closing', () => {
    it('waits for loads under way and refuses new ones', async () => {
      const batches = [1, 2, 3].map((n) => fixture.batch(batchId(n), [event(`e${n}`)]));
      const loading = batches.slice(0, 2).map((batch, n) => fixture.load('w1', [batch], { tenant: `T${n}` }));
      let loaded = 0;
      for (const load of loading) void load.then(() => (loaded += 1));
      await fixture.warehouse.close();
      assert.equal(loaded, 2);
      await assert.rejects(fixture.load('w9', [batches[2]!]), code('SHUTTING_DOWN', true));
    });
  });
});

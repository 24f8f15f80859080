import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Spool } from '../../src/ingest/spool.js';
import { event } from '../support/events.js';
import { runHeadgate } from '../support/headgate.js';
import { appendTo, recordOf } from '../support/records.js';
import { useTempDir } from '../support/temp-dir.js';
import { writeBatchFile, writeParquetFile } from '../support/warehouse-files.js';

const BATCH = '20260301-0123abcd-000000001';

describe('headgate audit', () => {
  const dir = useTempDir();

  beforeEach(async () => {
    mkdirSync(join(dir(), 'tenants'));
    writeFileSync(join(dir(), 'tenants', 'UA.yaml'), 'tenant: UA\n');
    const rows = ['a', 'b\u001b[31m'].map((id) => ({ source: '/s', id, type: 't', batch_id: BATCH }));
    writeBatchFile(dir(), 'UA', 'events', BATCH, rows);
    await writeParquetFile(dir(), 'UA', 'events', 'load1', rows);
  });

  const audit = (...args: string[]) => runHeadgate(['audit', ...args], { HEADGATE_DATA_DIR: dir() });

  it('exits with 0 and shows the counts when all is there once', async () => {
    const { code, stdout, stderr } = await audit();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /│ UA +│ +2 │ +2 │ +2 │ +0 │ +0 │/);
  });

  it('exits with 1 and names what is missing or doubled, without its control characters', async () => {
    writeBatchFile(dir(), 'UA', 'events', BATCH.replace(/1$/, '2'), [
      { source: '/s', id: 'lost', type: 't' },
    ]);
    await writeParquetFile(dir(), 'UA', 'events', 'load2', [
      { source: '/s', id: 'b\u001b[31m', type: 't', batch_id: BATCH },
    ]);
    const { code, stdout } = await audit('--tenant', 'UA');
    assert.equal(code, 1);
    assert.match(stdout, /UA: missing from events: "lost" from "\/s", of batch 20260301-0123abcd-000000002/);
    assert.match(
      stdout,
      /UA: 2 rows in events: "b\\u001b\[31m" from "\/s", of batch 20260301-0123abcd-000000001/,
    );
    assert.ok(!stdout.includes('\u001b'));
  });

  it('reads acknowledged ids from a gzipped file, and answers in JSON', async () => {
    const file = join(dir(), 'ids.gz');
    writeFileSync(file, gzipSync('a\n{"id":"lost"}\n'));
    const { code, stdout } = await audit('--tenant', 'UA', '--ids', file, '--json');
    assert.equal(code, 1);
    const { clean, tenants } = JSON.parse(stdout) as { clean: boolean; tenants: Record<string, unknown>[] };
    assert.equal(clean, false);
    assert.deepEqual(tenants[0]?.missing, {
      count: 1,
      first: [{ stream: 'events', source: null, id: 'lost' }],
    });
  });

  it('exits with 1 while acknowledged events are in the spool, and says how many; its node may be running', async () => {
    const spool = new Spool(join(dir(), 'spool'));
    try {
      const rows = [event('c', 1), event('d', 2)];
      const sent = await appendTo(spool, ...recordOf('UA', 'events', rows));
      const plan = {
        tenant: 'UA',
        stream: 'events',
        batchId: BATCH,
        firstSeq: sent.seq,
        lastSeq: sent.seq,
      } as const;
      await spool.handOver({ ...plan, events: 2 }, [sent]);
      assert.equal((await audit()).code, 0);
      await appendTo(spool, ...recordOf('UA', 'events', rows));
      await appendTo(spool, ...recordOf('UA', 'events', rows));
      const { code, stdout } = await audit();
      assert.equal(code, 1);
      assert.match(stdout, /UA: 4 of events are in the spool and in no batch yet, the oldest received at 20/);
      assert.equal((await audit('--to', '2026-03-01')).code, 0);
    } finally {
      await spool.close();
    }
  });

  it('refuses a day that is none, and has help with examples', async () => {
    const refused = await audit('--from', 'yesterday');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /A day is YYYY-MM-DD/);
    assert.match((await audit('--help')).stdout, /\$ headgate audit --tenant UA --from/);
  });
});

import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { openFile } from '../../../src/stores/batch-store/gzip.js';
import { isAsSigned, signHeader } from '../../../src/stores/batch-store/signed-header.js';

const BATCH = { tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000001' } as const;
const NDJSON = '{"id":"a","amount":405.08}\n';

describe('the header of a batch file', () => {
  const file = signHeader(BATCH, gzipSync(NDJSON));

  it('has its batch and hash as the name that gzip takes along', async () => {
    assert.match(
      file.toString('latin1', 10, 140),
      /^UA\.events\.20240310-0123abcd-000000001\.[0-9a-f]{64}\.ndjson\0/,
    );
    assert.equal(gunzipSync(file).toString(), NDJSON);
    assert.deepEqual(signHeader(BATCH, file), file, 'once');
    assert.equal((await openFile(BATCH, file)).ndjson.toString(), NDJSON);
  });

  it('tells what gzip takes for whole: other content, another batch, tenant or stream', async () => {
    const header = file.subarray(0, file.indexOf(0, 10) + 1);
    const forged = Buffer.concat([header, gzipSync('{"id":"a","amount":409608}\n').subarray(10)]);
    assert.equal(gunzipSync(forged).toString(), '{"id":"a","amount":409608}\n');
    await assert.rejects(openFile(BATCH, forged), { code: 'BATCH_CORRUPT' });
    for (const other of [
      { tenant: 'DL' },
      { stream: 'decisions' },
      { batchId: '20240310-0123abcd-000000002' },
    ])
      assert.equal(isAsSigned({ ...BATCH, ...other } as typeof BATCH, file), false);
  });

  it('tells every bit that is flipped behind it', () => {
    for (let bit = 10 * 8; bit < file.length * 8; bit++) {
      const damaged = Buffer.from(file);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(isAsSigned(BATCH, damaged), false, `bit ${bit}`);
    }
  });

  it('is not asked of files of version 0.1.0, which have none', async () => {
    assert.equal((await openFile(BATCH, gzipSync(NDJSON))).ndjson.toString(), NDJSON);
  });
});

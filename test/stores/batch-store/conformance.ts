import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { BatchRef, Stream, BatchName } from '../../../src/events/event.js';
import type { BatchRange, BatchStore } from '../../../src/stores/batch-store/batch-store.js';

/** A store under test, and how to get at its files behind its back. */
export interface StoreHarness {
  /** Another store over the same files, as another process has it. */
  open(): BatchStore;
  /** The bytes of a batch's file; undefined when it has none. */
  bytesOf(name: BatchName): Promise<Buffer | undefined>;
  /** What is in those bytes, for a store that seals. Default: they are it. */
  unseal?(name: BatchName, bytes: Buffer): Promise<Buffer>;
  /** Puts bytes into the place of a batch's file, whatever is there. */
  put(name: BatchName, bytes: Buffer): Promise<void>;
  /** Puts a file at a path below the root, `UA/events/2024-03-10/notes.txt`. */
  putAt(path: string, bytes: Buffer): Promise<void>;
  /** The paths of all files below the root, sorted; without keys. */
  files(): Promise<string[]>;
}

export const NAME: BatchName = { tenant: 'UA', stream: 'events', batchId: '20240310-0123abcd-000000001' };
export const NDJSON = Buffer.from('{"id":"é"}\n{"id":"b"}\n');
const PATH = `UA/events/2024-03-10/${NAME.batchId}.ndjson.gz`;

const IDS = [
  '20240309-0123abcd-000000001',
  '20240310-0123abcd-000000002',
  '20240310-0123abcd-00000000z',
  '20240310-ffff0000-000000001',
  '20240312-0123abcd-000000100',
];

const ofUA = (batchId: string): BatchName => ({ tenant: 'UA', stream: 'events', batchId });

/** What every batch store promises. To be called in a suite whose hooks make an empty store for each test. */
export function describeBatchStore(harness: () => StoreHarness): void {
  describe('writing and reading', () => describeWriting(harness));
  describe('damage and loss', () => describeDamage(harness));
  describe('what is kept', () => describeKept(harness));
  describe('files for engines', () => describeLocalFiles(harness));
  describe('names', () => describeNames(harness));
}

function describeWriting(harness: () => StoreHarness): void {
  it('writes gzipped NDJSON where its name says, and reads it back', async () => {
    const store = harness().open();
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = (await harness().bytesOf(NAME)) as Buffer;
    const gzipped = (await harness().unseal?.(NAME, bytes)) ?? bytes;
    assert.deepEqual(gunzipSync(gzipped), NDJSON);
    assert.deepEqual({ ...ref, sha256: '' }, { ...NAME, events: 2, bytes: gzipped.length, sha256: '' });
    assert.deepEqual(await store.read(ref), NDJSON);
    assert.deepEqual(await harness().files(), [PATH], 'and leaves nothing beside it');
  });

  it('gives the same reference and the same bytes when a batch is written again', async () => {
    const store = harness().open();
    const first = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = await harness().bytesOf(NAME);
    assert.deepEqual(await store.write(NAME, gzipSync(NDJSON), 2), first);
    assert.deepEqual(
      await Promise.all(Array.from({ length: 8 }, () => store.write(NAME, gzipSync(NDJSON), 2))),
      Array(8).fill(first),
    );
    assert.deepEqual(await harness().bytesOf(NAME), bytes);
    assert.deepEqual(await harness().files(), [PATH]);
  });

  it('keeps a file that is there, and answers for it as it is: a workflow may have been told its hash', async () => {
    const store = harness().open();
    const first = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = await harness().bytesOf(NAME);
    const otherwise = gzipSync('{"id":"x"}\n{"id":"y"}\n{"id":"z"}\n');
    for (const again of [store, harness().open()])
      assert.deepEqual(await again.write(NAME, otherwise, 3), first);
    assert.deepEqual(await harness().bytesOf(NAME), bytes);
    assert.deepEqual(await store.read(first), NDJSON);
  });

  it('refuses to answer for a file of other lines, if asked to; the same lines may be packed otherwise', async () => {
    const store = harness().open();
    const first = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = await harness().bytesOf(NAME);
    for (const level of [1, 9])
      assert.deepEqual(await store.write(NAME, gzipSync(NDJSON, { level }), 2, { unlessOther: true }), first);
    for (const other of ['{"id":"x"}\n{"id":"y"}\n', `${NDJSON}{"id":"c"}\n`]) {
      const writing = store.write(NAME, gzipSync(other), 2, { unlessOther: true });
      await assert.rejects(writing, { code: 'BATCH_ID_TAKEN' });
    }
    assert.deepEqual(await harness().bytesOf(NAME), bytes);
  });

  it('shows a reader all of a file or none, however often it is written', async () => {
    const store = harness().open();
    const large = Buffer.alloc(500_000, NDJSON);
    const ref = await store.write(NAME, gzipSync(large), 1);
    const writing = Promise.all(Array.from({ length: 10 }, () => store.write(NAME, gzipSync(large), 1)));
    for (let n = 0; n < 10; n++) assert.deepEqual(await store.read(ref), large);
    await writing;
  });

  it('keeps tenants and streams apart that have a batch of the same id', async () => {
    const store = harness().open();
    const names: BatchName[] = [NAME, { ...NAME, tenant: 'DL' }, { ...NAME, stream: 'decisions' }];
    const lines = names.map((_, index) => Buffer.from(`{"id":${index}}\n`));
    const refs: BatchRef[] = [];
    for (const [index, name] of names.entries())
      refs.push(await store.write(name, gzipSync(lines[index] as Buffer), 1));
    for (const [index, ref] of refs.entries()) assert.deepEqual(await store.read(ref), lines[index]);
    await store.delete(NAME);
    await assert.rejects(store.read(refs[0] as BatchRef), { code: 'NOT_FOUND' });
    for (const index of [1, 2]) assert.deepEqual(await store.read(refs[index] as BatchRef), lines[index]);
  });
}

function describeDamage(harness: () => StoreHarness): void {
  it('replaces a file that is damaged: its events are still at hand', async () => {
    const store = harness().open();
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const bytes = (await harness().bytesOf(NAME)) as Buffer;
    for (const damaged of [bytes.subarray(0, 12), Buffer.alloc(bytes.length), Buffer.alloc(0)]) {
      await harness().put(NAME, damaged);
      assert.deepEqual(await store.write(NAME, gzipSync(NDJSON), 2), ref);
      assert.deepEqual(await store.read(ref), NDJSON);
    }
  });

  it('replaces a damaged file once, whoever comes first', async () => {
    await harness().put(NAME, Buffer.from('no gzip'));
    const lines = [1, 2, 3, 4].map((count) => Buffer.from('{"id":"a"}\n'.repeat(count)));
    const refs = await Promise.all(
      lines.map((ndjson, index) =>
        harness()
          .open()
          .write(NAME, gzipSync(ndjson), index + 1),
      ),
    );
    const kept = await harness().open().open(NAME);
    assert.ok(refs.some(({ sha256 }) => sha256 === kept.ref.sha256));
    assert.ok(lines.some((ndjson) => ndjson.equals(kept.ndjson)));
  });

  it('says that a file is gone, or is not what was written', async () => {
    const store = harness().open();
    const ref = await store.write(NAME, gzipSync(NDJSON), 2);
    const good = (await harness().bytesOf(NAME)) as Buffer;
    const bad: Buffer[] = [
      gzipSync('{"id":"forged"}\n'),
      good.subarray(0, -1),
      Buffer.concat([good, Buffer.from([0])]),
      Buffer.from(good.map((byte, at) => (at === 12 ? byte ^ 1 : byte))),
      Buffer.alloc(0),
    ];
    for (const bytes of bad) {
      await harness().put(NAME, bytes);
      await assert.rejects(store.read(ref), { code: 'BATCH_CORRUPT' });
    }
    await store.delete(NAME);
    await assert.rejects(store.read(ref), { code: 'NOT_FOUND' });
  });

  it('knows another batch’s file in its place, also where only the name is known', async () => {
    const store = harness().open();
    const other: BatchName = { ...NAME, batchId: IDS[1] as string };
    await store.write(NAME, gzipSync(NDJSON), 2);
    await store.write(other, gzipSync('{"id":"x"}\n'), 1);
    await harness().put(NAME, (await harness().bytesOf(other)) as Buffer);
    await assert.rejects(store.open(NAME), { code: 'BATCH_CORRUPT' });
    const files = await store.localFiles([NAME, other]);
    const isDamaged = files.paths.map((path) => files.damaged.has(path));
    await files.release();
    assert.deepEqual(isDamaged, [true, false]);
  });

  it('reads a batch by its name, with the reference that writing it gave', async () => {
    const store = harness().open();
    const written = await store.write(NAME, gzipSync(NDJSON), 2);
    const { ref, ndjson } = await store.open(NAME);
    assert.deepEqual([ref, ndjson, await store.ref(NAME)], [written, NDJSON, written]);
    await harness().put(NAME, Buffer.from('no gzip'));
    await assert.rejects(store.open(NAME), { code: 'BATCH_CORRUPT' });
    await assert.rejects(store.ref(NAME), { code: 'BATCH_CORRUPT' });
    await store.delete(NAME);
    await assert.rejects(store.open(NAME), { code: 'NOT_FOUND' });
    await assert.rejects(store.ref(NAME), { code: 'NOT_FOUND' });
  });
}

function describeKept(harness: () => StoreHarness): void {
  let store: BatchStore;
  const list = async (range: Partial<BatchRange> = {}): Promise<string[]> => {
    const ids: string[] = [];
    for await (const name of store.list({ tenant: 'UA', stream: 'events', ...range })) {
      assert.deepEqual([name.tenant, name.stream], [range.tenant ?? 'UA', range.stream ?? 'events']);
      ids.push(name.batchId);
    }
    return ids;
  };

  beforeEach(async () => {
    store = harness().open();
    for (const id of [...IDS].reverse()) await store.write(ofUA(id), gzipSync(NDJSON), 2);
    // Neighbours in the order of names; nothing of theirs is listed.
    for (const tenant of ['UA-2', 'U', 'UAL']) await store.write({ ...NAME, tenant }, gzipSync(NDJSON), 2);
  });

  it('is listed in the order of the ids, between days and after a batch', async () => {
    assert.deepEqual(await list(), IDS);
    assert.deepEqual(await list({ from: '2024-03-10', to: '2024-03-10' }), IDS.slice(1, 4));
    assert.deepEqual(await list({ from: '2024-03-11' }), IDS.slice(4));
    assert.deepEqual(await list({ to: '2024-03-09' }), IDS.slice(0, 1));
    assert.deepEqual(await list({ after: IDS[2] }), IDS.slice(3));
    assert.deepEqual(await list({ after: '20240310-0123abcd-000000003' }), IDS.slice(2));
    assert.deepEqual(await list({ after: IDS[1], from: '2024-03-12' }), IDS.slice(4));
    assert.deepEqual(await list({ after: IDS[3], to: '2024-03-11' }), []);
    assert.deepEqual(await list({ after: IDS[4] }), []);
    assert.deepEqual(await list({ stream: 'decisions' }), []);
    assert.deepEqual(await list({ tenant: 'DL' }), []);
    assert.deepEqual(await list({ tenant: 'UAL' }), [NAME.batchId]);
  });

  it('is the batches alone: no file of another name, or where its name does not belong', async () => {
    for (const path of [
      `2024-03-10/.${IDS[1]}.ndjson.gz.0.tmp`,
      '2024-03-10/notes.txt',
      '2024-03-10/notes.ndjson.gz',
      '2024-03-10/20240311-0123abcd-000000009.ndjson.gz',
      '2024-03-10/20240310-0123abcd-000000009.ndjson.gz/x',
      'today/20240310-0123abcd-000000009.ndjson.gz',
      'README',
    ])
      await harness().putAt(`UA/events/${path}`, gzipSync(NDJSON));
    assert.deepEqual(await list(), IDS);
    assert.deepEqual(await store.days('UA', 'events'), ['2024-03-09', '2024-03-10', '2024-03-12']);
  });

  it('is deleted file by file, a day with its last one', async () => {
    for (const id of IDS.slice(1, 3)) await store.delete(ofUA(id));
    await store.delete(ofUA(IDS[1] as string));
    assert.deepEqual(await list({ from: '2024-03-10', to: '2024-03-10' }), [IDS[3]]);
    await store.delete(ofUA(IDS[3] as string));
    assert.deepEqual(await store.days('UA', 'events'), ['2024-03-09', '2024-03-12']);
    assert.deepEqual(await store.days('UA', 'decisions'), []);
    assert.deepEqual(await store.days('UAL', 'events'), ['2024-03-10']);
  });

  it('says up to which day it has been deleted, for each tenant, and never takes a day back', async () => {
    assert.equal(await store.deletedThrough('UA'), undefined);
    await store.noteDeleted('UA', '2024-03-09');
    await store.noteDeleted('UA', '2024-03-08');
    assert.equal(await harness().open().deletedThrough('UA'), '2024-03-09');
    await Promise.all(['2024-03-10', '2024-03-11'].map((day) => store.noteDeleted('UA', day)));
    await store.noteDeleted('UA', '2024-03-11');
    assert.equal(await store.deletedThrough('UA'), '2024-03-11');
    assert.equal(await store.deletedThrough('UAL'), undefined);
    assert.deepEqual(await list(), IDS);
  });

  it('deletes all of a tenant, of no other, and but for one file if that is to stay', async () => {
    const other = { ...ofUA(IDS[0] as string), tenant: 'UAL' };
    await store.write(other, gzipSync('{"id":"1"}\n'), 1);
    await store.noteDeleted('UA', '2024-03-08');
    await store.noteDeleted('UAL', '2024-03-07');
    await store.deleteTenant('UA', 'deleted-through');
    assert.deepEqual([await list(), await store.deletedThrough('UA')], [[], '2024-03-08']);
    await store.deleteTenant('UA');
    await store.deleteTenant('UA');
    assert.equal(await store.deletedThrough('UA'), undefined);
    assert.deepEqual(
      [(await store.open(other)).ref.batchId, await store.deletedThrough('UAL')],
      [IDS[0], '2024-03-07'],
    );
    await assert.rejects(store.deleteTenant('../UA'), { code: 'TENANT_ID_INVALID' });
  });
}

function describeLocalFiles(harness: () => StoreHarness): void {
  it('are on this disk, in the order asked for, each named by its batch', async () => {
    const store = harness().open();
    const refs: BatchRef[] = [];
    for (const id of IDS) refs.push(await store.write(ofUA(id), gzipSync(`{"id":"${id}"}\n`), 1));
    const asked = [...refs].reverse();
    const files = await store.localFiles(asked);
    for (const [index, path] of files.paths.entries()) {
      const { batchId } = asked[index] as BatchRef;
      assert.equal(basename(path).split('.')[0], batchId);
      assert.equal(gunzipSync(readFileSync(path)).toString(), `{"id":"${batchId}"}\n`);
    }
    assert.equal(files.paths.length, IDS.length);
    await files.release();
    for (const ref of refs) assert.equal((await store.read(ref)).length, 37, 'what is kept is still there');
  });

  it('are got by names as well, and where there is no batch there is no file', async () => {
    const store = harness().open();
    await store.write(NAME, gzipSync(NDJSON), 2);
    const gone = ofUA('20240310-0123abcd-000000002');
    const files = await store.localFiles([gone, NAME, { ...NAME, tenant: 'DL' }]);
    assert.deepEqual(files.paths.map(existsSync), [false, true, false]);
    await files.release();
    const none = await store.localFiles([]);
    assert.deepEqual(none.paths, []);
    await none.release();
  });
}

function describeNames(harness: () => StoreHarness): void {
  const bad: [name: Partial<Record<keyof BatchName, string>>, code: string][] = [
    [{ tenant: '../UA' }, 'TENANT_ID_INVALID'],
    [{ tenant: '..' }, 'TENANT_ID_INVALID'],
    [{ tenant: '' }, 'TENANT_ID_INVALID'],
    [{ tenant: 'UA\0' }, 'TENANT_ID_INVALID'],
    [{ tenant: 'UA/events' }, 'TENANT_ID_INVALID'],
    [{ batchId: `../${NAME.batchId}` }, 'NOT_FOUND'],
    [{ batchId: `${NAME.batchId}/x` }, 'NOT_FOUND'],
    [{ batchId: `${NAME.batchId}\n` }, 'NOT_FOUND'],
    [{ batchId: '..' }, 'NOT_FOUND'],
    [{ batchId: '' }, 'NOT_FOUND'],
  ];
  for (const [part, code] of bad) {
    it(`are checked: ${JSON.stringify(part)} reaches no file`, async () => {
      const store = harness().open();
      const name = { ...NAME, ...part, stream: 'events' as Stream };
      const ref = { ...name, events: 1, bytes: 1, sha256: '' };
      await assert.rejects(store.write(name, gzipSync(NDJSON), 1), { code });
      await assert.rejects(store.read(ref), { code });
      await assert.rejects(store.open(name), { code });
      await assert.rejects(store.ref(name), { code });
      await assert.rejects(store.localFiles([ref]), { code });
      await assert.rejects(store.delete(name), { code });
      assert.deepEqual(await harness().files(), []);
    });
  }

  it('are checked of tenants that are listed, or whose days are asked for', async () => {
    const store = harness().open();
    await assert.rejects(
      async () => {
        for await (const name of store.list({ tenant: '..', stream: 'events' })) assert.fail(name.batchId);
      },
      { code: 'TENANT_ID_INVALID' },
    );
    await assert.rejects(store.days('../UA', 'events'), { code: 'TENANT_ID_INVALID' });
    await assert.rejects(store.deletedThrough('../UA'), { code: 'TENANT_ID_INVALID' });
    await assert.rejects(store.noteDeleted('../UA', '2024-03-10'), { code: 'TENANT_ID_INVALID' });
  });
}

import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import { createEventHistory, type EventHistory } from '../../src/event-history/event-history.js';
import type { SubjectRequest } from '../../src/event-history/find-by-subject.js';
import { FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import { pack } from '../../src/ingest/pack.js';
import type { EventRow } from '../../src/events/event.js';
import { HeadgateError } from '../../src/errors.js';
import { createFileDeliveryLog } from '../../src/stores/delivery-log/file.js';
import { batchId, openIndexBench, row, writeRows, type IndexBench } from '../support/event-index.js';
import { chunkOf } from '../support/batches.js';
import { useTempDir } from '../support/temp-dir.js';

const NOW = Date.parse('2026-03-10T13:00:00Z');

describe('the search for events', () => {
  const dir = useTempDir();
  let bench: IndexBench;
  let history: EventHistory;
  /** What waits in the spool, one event a chunk. */
  let waiting: EventRow[] = [];

  beforeEach(async () => {
    waiting = [];
    bench = await openIndexBench(dir(), { now: () => NOW });
    // Past Temporal's retention: it knows no batch any more.
    const forgotten = () => Promise.reject(new HeadgateError('NOT_FOUND', 'No batch has this id.'));
    history = createEventHistory({
      client: new Client({ connection: Connection.lazy() }),
      receipts: { receiptOf: forgotten },
      batchStore: bench.store,
      deliveryLog: createFileDeliveryLog(dir()),
      indexer: bench.indexer,
      now: () => NOW,
      spool: {
        unsent: (tenant, stream) =>
          tenant === 'UA' && stream === 'events'
            ? waiting.map((each, at) => chunkOf('UA/events', at, 1, { bytes: JSON.stringify(each).length }))
            : [],
        read: ({ seq }) => ({
          head: {
            ...chunkOf('UA/events', seq),
            types: [],
            firstEvent: '',
            lastEvent: '',
            evaluated: 0,
            eligible: {},
          },
          prints: Buffer.alloc(FINGERPRINT_BYTES),
          events: pack(`${JSON.stringify(waiting[seq])}\n`),
          decisions: pack(''),
        }),
      },
    });
  });

  async function found(id: string, more: object = {}, tenant = 'UA') {
    const { events } = await history.find(tenant, { id, ...more });
    return events.map(({ stream, source, state, batchId: batch, line }) => [
      stream,
      source,
      state,
      batch,
      line,
    ]);
  }

  it('finds an id under each source and stream, the newest first, and narrows it down', async () => {
    const early = row('e', { received_at: '2026-03-09T12:00:00.000Z' });
    await writeRows(bench.store, { batchId: batchId(1, '20260309') }, [row('x'), early]);
    await writeRows(bench.store, { batchId: batchId(2) }, [row('e', { source: '/other' })]);
    const property = row('e', { received_at: '2026-03-10T12:30:00.000Z' });
    await writeRows(bench.store, { stream: 'user-properties', batchId: batchId(3) }, [property]);
    const all = [
      ['user-properties', '/test', 'batched', batchId(3), 0],
      ['events', '/other', 'batched', batchId(2), 0],
      ['events', '/test', 'batched', batchId(1, '20260309'), 1],
    ];
    assert.deepEqual(await found('e'), all, 'before they are indexed');
    await bench.indexer.look();
    await bench.indexer.flush(true);
    assert.deepEqual(await found('e'), all, 'and after');
    assert.deepEqual(await found('e', { source: '/other' }), [all[1]]);
    assert.deepEqual(await found('e', { stream: 'events' }), [all[1], all[2]]);
  });

  it('says of what is in no batch yet that it is accepted, and once it is in one, that it is batched', async () => {
    waiting = [row('w')];
    assert.deepEqual(await found('w'), [['events', '/test', 'accepted', undefined, undefined]]);
    await writeRows(bench.store, { batchId: batchId(1) }, waiting);
    bench.indexer.written({ tenant: 'UA', stream: 'events', batchId: batchId(1) }, Buffer.alloc(0));
    assert.deepEqual(await found('w'), [['events', '/test', 'batched', batchId(1), 0]]);
  });

  it('says of an unknown id since when batches are kept, and names no event by its data', async () => {
    const data = { id: 'hidden', nested: { id: 'deeper' } };
    await writeRows(bench.store, { batchId: batchId(1) }, [row('e', { data })]);
    for (const id of ['hidden', 'deeper', 'E', 'e ', ''])
      await assert.rejects(history.find('UA', { id }), (error: HeadgateError) => {
        assert.equal(error.code, 'EVENT_NOT_FOUND');
        assert.deepEqual(error.details, { searched: { from: '2026-03-10', to: '2026-03-10T13:00:00.000Z' } });
        return true;
      });
  });

  it("finds nothing of another tenant's, by id or subject", async () => {
    await writeRows(bench.store, { batchId: batchId(1) }, [row('mine')]);
    waiting = [row('waits')];
    await bench.indexer.look();
    await bench.indexer.flush(true);
    for (const id of ['mine', 'waits'])
      await assert.rejects(history.find('DL', { id }), { code: 'EVENT_NOT_FOUND' });
    assert.deepEqual((await history.list('DL', { subject: 's1', limit: 10 })).events, []);
    assert.equal((await history.list('UA', { subject: 's1', limit: 10 })).events.length, 2);
    const { nextPageToken } = await history.list('UA', { subject: 's1', limit: 1 });
    const stolen = await history.list('DL', { subject: 's1', limit: 10, pageToken: nextPageToken });
    assert.deepEqual(stolen.events, []);
  });

  it('does not say that there is none where it could not look at all', async () => {
    for (let number = 0; number < 120; number++)
      await writeRows(bench.store, { batchId: batchId(number) }, [row(`e${number}`)]);
    await assert.rejects(history.find('UA', { id: 'none' }), {
      code: 'EVENT_SEARCH_UNFINISHED',
      retryable: true,
    });
    await bench.indexer.flush(true);
    await assert.rejects(history.find('UA', { id: 'none' }), { code: 'EVENT_NOT_FOUND' });
  });

  describe('by subject', () => {
    /** All pages, and how many there were. */
    async function list(request: Omit<SubjectRequest, 'subject'>): Promise<string[][]> {
      const pages: string[][] = [];
      let pageToken: string | undefined;
      do {
        const page = await history.list('UA', { ...request, subject: 'c', pageToken });
        pages.push(page.events.map(({ id }) => id));
        ({ nextPageToken: pageToken } = page);
      } while (pageToken !== undefined);
      return pages;
    }

    const at = (minute: number): string => `2026-03-10T12:${String(minute).padStart(2, '0')}:00.000Z`;

    beforeEach(async () => {
      for (let batch = 0; batch < 4; batch++) {
        const rows = [0, 1, 2].map((line) =>
          row(`e${batch * 3 + line}`, {
            subject: line === 1 ? 'other' : 'c',
            received_at: at(batch * 3 + line),
          }),
        );
        await writeRows(bench.store, { batchId: batchId(batch) }, rows);
      }
    });

    for (const indexed of [false, true]) {
      it(`pages through all, the newest first${indexed ? ', by the index' : ''}`, async () => {
        if (indexed) await bench.indexer.look();
        if (indexed) await bench.indexer.flush(true);
        const ids = ['e11', 'e9', 'e8', 'e6', 'e5', 'e3', 'e2', 'e0'];
        assert.deepEqual(await list({ limit: 100 }), [ids]);
        for (const limit of [1, 2, 3, 5, 8]) {
          const pages = await list({ limit });
          assert.deepEqual(pages.flat(), ids);
          assert.equal(pages.length, Math.ceil(ids.length / limit));
        }
      });

      it(`goes by the time of receipt${indexed ? ', by the index' : ''}`, async () => {
        if (indexed) await bench.indexer.look();
        if (indexed) await bench.indexer.flush(true);
        const [from, to] = [Date.parse(at(3)), Date.parse(at(8))];
        assert.deepEqual(await list({ limit: 2, from, to }), [['e6', 'e5'], ['e3']]);
        assert.deepEqual(await list({ limit: 10, from: Date.parse(at(30)) }), [[]]);
      });
    }

    it('has what waits on the first page', async () => {
      waiting = [row('w1', { subject: 'c' }), row('w2', { subject: 'c' })];
      assert.deepEqual(await list({ limit: 4 }), [
        ['w2', 'w1', 'e11', 'e9'],
        ['e8', 'e6', 'e5', 'e3'],
        ['e2', 'e0'],
      ]);
    });

    it('goes on behind as many files as a page may read', async () => {
      for (let number = 10; number < 260; number++) {
        const { id, ...rest } = row(`o${number}`, { subject: 'c' });
        await writeRows(bench.store, { batchId: batchId(number) }, [{ ...rest, id }]);
      }
      await bench.indexer.look();
      const pages = await list({ limit: 1_000 });
      assert.equal(pages.length, 3);
      assert.equal(new Set(pages.flat()).size, 258);
    });

    it('refuses a page token that it has not made', async () => {
      for (const token of ['x', Buffer.from('../../etc.1').toString('base64url')])
        await assert.rejects(history.list('UA', { subject: 'c', limit: 1, pageToken: token }), {
          code: 'PAGE_TOKEN_INVALID',
        });
    });
  });
});

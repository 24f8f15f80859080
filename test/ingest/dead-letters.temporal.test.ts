import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { gunzipSync } from 'node:zlib';
import { createDeadLetterIngest } from '../../src/dead-letters/dead-letter-ingest.js';
import { createDeadLetters } from '../../src/dead-letters/dead-letters.js';
import type { DeadLetterDetail } from '../../src/dead-letters/show.js';
import type { DeadLetterPage } from '../../src/dead-letters/list.js';
import type { DeadLetterSummary } from '../../src/dead-letters/summary.js';
import type { BatchName, EventRow } from '../../src/events/event.js';
import type { Plan } from '../../src/ingest/partition.js';
import type { Chunk } from '../../src/events/chunk.js';
import { Spool } from '../../src/ingest/spool.js';
import type { StarterOptions } from '../../src/ingest/starter.js';
import { batchPath } from '../../src/stores/batch-store/file.js';
import type { Quarantine } from '../../src/stores/quarantine/quarantine.js';
import { dayOfBatch } from '../../src/tenants/ids.js';
import type { IngestBatchInput } from '../../src/workflows/messages/batches.js';
import { ALL_SCOPES, startTestApi, type TestAnswer, type TestApi } from '../support/api.js';
import { damageSpool } from '../support/damage.js';
import { event, linesOf } from '../support/events.js';
import { countInFiles } from '../support/parquet.js';
import { startPipeline, type Pipeline, type Submitted } from '../support/pipeline.js';
import { appendTo, recordOf } from '../support/records.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

const TENANTS = [
  'id-part',
  'id-all',
  'id-head',
  'id-die',
  'id-late',
  'id-big',
  'id-again',
  'id-off',
  'id-one',
];
const OTHER = 'id-other';
const SEEN_WITHIN_MS = 10_000;

/** A type that the API takes; eight of them in one batch are more than Temporal takes as the input of a workflow. */
const LONG = 'x'.repeat(300_000);
const TYPES_IN_INPUT = 8;

describe('what ingest can never hand over to Temporal', function () {
  this.timeout(60_000);
  let pipeline: Pipeline;
  let api: TestApi;
  let directory: string;
  let spools = 0;
  let spool: Spool;

  before(async () => {
    const config = { rules: [], aggregates: {} };
    pipeline = await startPipeline(Object.fromEntries([...TENANTS, OTHER].map((tenant) => [tenant, config])));
    const { client, stores } = pipeline;
    const deadLetters = createDeadLetters({
      client,
      namespace: testNamespace(),
      uiUrl: 'http://127.0.0.1:1',
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
      isolationOf: () => 'pooled',
    });
    const tenants = Object.fromEntries([...TENANTS, OTHER].map((tenant) => [tenant, 'active' as const]));
    api = await startTestApi({ tenants, deadLetters });
    directory = await mkdtemp(join(tmpdir(), 'headgate-ingest-dead-'));
  });
  after(async () => {
    await api?.close();
    await pipeline?.stop();
    await rm(directory, { recursive: true, force: true });
    assert.deepEqual(api.faults, []);
  });
  beforeEach(() => {
    spool = new Spool(join(directory, String(++spools)));
  });
  afterEach(() => spool.close());

  /** Events a chunk, three of them a request, in a batch that is planned. */
  async function planned(tenant: string, names: readonly string[]): Promise<[Plan, Chunk[]]> {
    const chunks: Chunk[] = [];
    for (const name of names) {
      const rows = [0, 1, 2].map((n) => event(`${name}-${n}`, n, { data: { seat: `${name} ${n}` } }));
      chunks.push(await appendTo(spool, ...recordOf(tenant, 'events', rows)));
    }
    const [first, last] = [chunks[0] as Chunk, chunks.at(-1) as Chunk];
    const plan: Plan = {
      tenant,
      stream: 'events',
      batchId: batchIdOf(first),
      events: 3 * names.length,
      firstSeq: first.seq,
      lastSeq: last.seq,
    };
    await spool.plan(plan);
    return [plan, chunks];
  }

  function batchIdOf({ seq }: Chunk): string {
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    return `${day}-${spool.node}-${seq.toString(36).padStart(9, '0')}`;
  }

  /** As after a restart: nothing of the spool is in memory any more. */
  async function damage(...texts: string[]): Promise<void> {
    await spool.close();
    for (const text of texts) damageSpool(join(directory, String(spools)), text);
    spool = new Spool(join(directory, String(spools)));
  }

  const carry = (plan: Plan, chunks: readonly Chunk[], more: Partial<StarterOptions> = {}): Submitted =>
    pipeline.carry(plan, chunks, { spool, nextBatchId: () => spool.batchIds.next(), ...more });

  const handedOver = (): boolean[] => [...spool.held()].map((chunk) => chunk.handedOver);
  const finished = () => until(() => assert.deepEqual(spool.planned(), []), 5_000);

  async function call<T>(tenant: string, path: string, body?: object): Promise<TestAnswer & { json: T }> {
    const token = await api.token({ tenant, subject: 'ops@example.com', scope: ALL_SCOPES });
    const whole = `/v1/dead-letters${path}`;
    const answer =
      body === undefined
        ? await api.get(whole, token)
        : await api.post(JSON.stringify(body), { path: whole, token });
    return { ...answer, json: answer.body as unknown as T };
  }

  /** The dead letters of a tenant, once visibility shows so many. */
  const deadLettersOf = (tenant: string, count = 1): Promise<readonly DeadLetterSummary[]> =>
    until(async () => {
      const { json } = await call<DeadLetterPage>(tenant, '?subscription=ingest');
      assert.equal(json.deadLetters.length, count);
      return json.deadLetters;
    }, SEEN_WITHIN_MS);

  const quarantineOf = ({ tenant, batchId }: Plan): string =>
    join(pipeline.stores.paths.quarantine, tenant, 'events', dayOfBatch(batchId), batchId);

  const idsInFile = (plan: BatchName): string[] => {
    const ndjson = gunzipSync(readFileSync(batchPath(pipeline.stores.paths.batches, plan)));
    return linesOf<EventRow>(ndjson).map(({ id }) => id);
  };

  const idsOf = (...names: string[]): string[] =>
    names.flatMap((name) => [0, 1, 2].map((n) => `${name}-${n}`));

  const loaded = (tenant: string, events: number) =>
    until(async () => {
      const counts = await countInFiles(pipeline.stores.paths.warehouse, tenant);
      assert.equal(counts.events, events);
    }, SEEN_WITHIN_MS);

  describe('damaged chunks', () => {
    it('are one dead letter; the rest of their batch goes on, and the partition is free', async () => {
      const tenant = 'id-part';
      const [plan, chunks] = await planned(tenant, ['a', 'b', 'c', 'd']);
      await damage('b 1', 'd 0');
      const { ended } = carry(plan, chunks);
      assert.ok((await ended) !== undefined);
      await finished();
      assert.deepEqual(handedOver(), [true, true, true, true]);
      assert.deepEqual(idsInFile(plan), idsOf('a', 'c'));
      await loaded(tenant, 6);

      const [dead] = await deadLettersOf(tenant);
      assert.ok(dead !== undefined);
      const { subscription, kind, reason, count, types, firstEvent, lastEvent, batchId } = dead;
      assert.deepEqual([subscription, kind, reason, count], ['ingest', 'ingest', 'spool-damaged', 6]);
      assert.deepEqual([types, firstEvent, lastEvent], [['landed'], 'b-0', 'd-2']);
      assert.equal(batchId, plan.batchId);
      assert.match(dead.detail, new RegExp(`quarantine/${tenant}/events/.*/${plan.batchId}`));
      const files = readdirSync(quarantineOf(plan)).sort();
      assert.deepEqual(files, [
        `chunk-${chunks[1]!.seq}.record`,
        `chunk-${chunks[3]!.seq}.record`,
        'lost.json',
      ]);
      const kept = readFileSync(join(quarantineOf(plan), files[0]!));
      assert.deepEqual(kept, spool.raw(chunks[1]!));
      const shown = (await call<DeadLetterDetail>(tenant, `/${dead.id}`)).json;
      assert.deepEqual([shown.events, shown.eventsTotal, shown.eventsUnreadable], [[], 6, dead.detail]);
      const token = await api.token({ tenant, scope: ALL_SCOPES });
      const answer = await fetch(`${api.url}/v1/dead-letters/export?reason=spool-damaged`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const [line] = linesOf<{ event: null; unreadable: string }>(await answer.text());
      assert.deepEqual([line?.event, line?.unreadable], [null, dead.detail]);
    });

    it('are shown to their tenant alone', async () => {
      const [dead] = await deadLettersOf('id-part');
      assert.deepEqual((await call<DeadLetterPage>(OTHER, '')).json.deadLetters, []);
      for (const [path, body] of [
        [`/${dead!.id}`, undefined],
        [`/${dead!.id}/discard`, { reason: 'mine now' }],
      ] as const)
        assert.equal((await call(OTHER, path, body)).status, 404);
    });

    it('cannot be redriven, alone, with others or by a signal, and can be discarded with a reason', async () => {
      const tenant = 'id-part';
      const [dead] = await deadLettersOf(tenant);
      const one = await call(tenant, `/${dead!.id}/redrive`, {});
      assert.deepEqual([one.status, one.body.code], [409, 'DEAD_LETTER_UNREADABLE']);
      assert.match(one.body.detail ?? '', /nothing is left to deliver/);
      const asked = await call(tenant, '/redrive', { filter: { reason: 'spool-damaged' } });
      assert.equal(asked.body.code, 'DEAD_LETTER_UNREADABLE');
      const all = (await call<{ id: string }>(tenant, '/redrive', { filter: {} })).json;
      await until(async () => {
        const { json } = await call<{ status: string; progress: { matched: number } }>(
          tenant,
          `/redrives/${all.id}`,
        );
        assert.deepEqual([json.status, json.progress.matched], ['completed', 0]);
      }, SEEN_WITHIN_MS);
      const handle = pipeline.client.workflow.getHandle(dead!.workflowId);
      await handle.signal('redrive', { actor: 'by hand' });
      const { status } = await call(tenant, `/${dead!.id}/discard`, { reason: 'sent again' });
      assert.equal(status, 202);
      const result = await handle.result();
      assert.deepEqual(result, {
        outcome: 'discarded',
        by: { actor: 'ops@example.com', reason: 'sent again' },
      });
      await deadLettersOf(tenant, 0);
    });

    it('end their batch without a workflow when nothing else is in it', async () => {
      const [plan, chunks] = await planned('id-all', ['a']);
      await damage('a 0');
      const { ended, handle } = carry(plan, chunks);
      assert.equal(await ended, undefined);
      await finished();
      assert.equal(existsSync(batchPath(pipeline.stores.paths.batches, plan)), false);
      await assert.rejects(handle.describe(), { name: 'WorkflowNotFoundError' });
      assert.deepEqual(
        (await deadLettersOf('id-all')).map(({ count }) => count),
        [3],
      );
      // As a process finds it that starts after a crash between the hand-over and the end.
      const again = carry({ ...plan, started: true, dead: true }, []);
      assert.equal(await again.ended, undefined);
    });

    it('count also where it cannot be told any more whose they are, if their batch was planned', async () => {
      const [plan, chunks] = await planned('id-head', ['a', 'b']);
      await damage('"firstEvent":"b-0"');
      const whole = [...spool.held()];
      assert.deepEqual(
        whole.map(({ seq }) => seq),
        [chunks[0]!.seq],
      );
      const { ended } = carry(plan, whole);
      assert.ok((await ended) !== undefined);
      assert.deepEqual(idsInFile(plan), idsOf('a'));
      const [dead] = await deadLettersOf('id-head');
      assert.deepEqual([dead?.count, dead?.types], [3, []]);
    });

    /** Steps at which the process dies, in order. */
    const deaths: Record<string, (more: DyingParts) => Partial<StarterOptions>> = {
      'before the bytes are kept': ({ quarantine }) => ({ quarantine: dyingAt(quarantine, 'keepRecord') }),
      'before it is noted what is lost': ({ quarantine }) => ({
        quarantine: dyingAt(quarantine, 'noteLost'),
      }),
      'when it is noted what is lost': ({ quarantine }) => ({
        quarantine: dyingAt(quarantine, 'noteLost', 'after'),
      }),
      'before the batch file is written': ({ batchStore }) => ({ batchStore: dyingAt(batchStore, 'write') }),
      'when the batch file is written': ({ batchStore }) => ({
        batchStore: dyingAt(batchStore, 'write', 'after'),
      }),
      'before the dead letter is started': () => ({ deadLetterIngest: dies }),
      'when the dead letter is started': ({ deadLetterIngest }) => ({
        deadLetterIngest: async (each) => (await deadLetterIngest(each), dies()),
      }),
      'before the hand-over': () => ({ spool: dyingAt(spool, 'handOver') }),
      'when it is handed over': () => ({ spool: dyingAt(spool, 'handOver', 'after') }),
    };

    it('come to the same end wherever the process dies', async () => {
      const tenant = 'id-die';
      const { batchStore, quarantine } = pipeline.stores;
      const deadLetterIngest = createDeadLetterIngest(pipeline.activities.park, () => 7 * 24 * 3_600_000);
      let counted = 0;
      for (const [when, dying] of Object.entries(deaths)) {
        const [plan, chunks] = await planned(tenant, ['a', 'b', 'c']);
        await damage('b 2');
        const dead = new AbortController();
        const first = carry(plan, chunks, {
          ...dying({ quarantine, batchStore, deadLetterIngest }),
          signal: AbortSignal.any([dead.signal]),
          log: { warn: () => dead.abort(), error: () => undefined } as unknown as StarterOptions['log'],
        });
        await assert.rejects(first.ended, when);
        const [left] = spool.planned();
        assert.equal(left?.batchId, plan.batchId, when);
        const { ended } = carry(left!, left?.started === true ? [] : chunks);
        assert.ok((await ended) !== undefined, when);
        await finished();
        assert.deepEqual(handedOver(), [true, true, true], when);
        assert.deepEqual(idsInFile(plan), idsOf('a', 'c'), when);
        const all = await deadLettersOf(tenant, ++counted);
        assert.deepEqual(
          all.filter(({ batchId }) => batchId === plan.batchId).map(({ count }) => count),
          [3],
          when,
        );
        await spool.close();
        spool = new Spool(join(directory, String(++spools)));
      }
    });

    it('are no loss to a batch that was started before they were damaged', async () => {
      const [plan, chunks] = await planned('id-late', ['a', 'b']);
      const dead = new AbortController();
      const first = carry(plan, chunks, {
        spool: dyingAt(spool, 'handOver'),
        signal: dead.signal,
        log: { warn: () => dead.abort() } as unknown as StarterOptions['log'],
      });
      await assert.rejects(first.ended);
      await damage('b 2');
      assert.ok((await carry(plan, chunks).ended) !== undefined);
      await finished();
      assert.deepEqual(idsInFile(plan), idsOf('a', 'b'));
      await loaded('id-late', 6);
      assert.equal(existsSync(quarantineOf(plan)), false);
      await deadLettersOf('id-late', 0);
    });

    it('hold up their partition while the dead letter cannot be started, for they may not be dropped', async () => {
      const [plan, chunks] = await planned('id-off', ['a', 'b']);
      await damage('b 2');
      const deadLetterIngest = createDeadLetterIngest(pipeline.activities.park, () => 7 * 24 * 3_600_000);
      let tries = 0;
      const { ended } = carry(plan, chunks, {
        deadLetterIngest: async (each) => {
          if (++tries < 3) throw new Error('Temporal is away');
          assert.deepEqual(handedOver(), [false, false]);
          return deadLetterIngest(each);
        },
      });
      assert.ok((await ended) !== undefined);
      assert.equal(tries, 3);
      await deadLettersOf('id-off');
    });
  });

  describe('starts that Temporal refuses', () => {
    /** A batch whose input is larger than Temporal takes, as the API admits it. */
    async function oversized(tenant: string): Promise<[Plan, Chunk]> {
      const rows = Array.from({ length: TYPES_IN_INPUT }, (_, n) =>
        event(`${n}`, n, { type: `${n}${LONG}` }),
      );
      const chunk = await appendTo(spool, ...recordOf(tenant, 'events', rows));
      const plan: Plan = {
        tenant,
        stream: 'events',
        batchId: batchIdOf(chunk),
        events: rows.length,
        firstSeq: chunk.seq,
        lastSeq: chunk.seq,
      };
      await spool.plan(plan);
      return [plan, chunk];
    }

    it('are dead letters that say what Temporal said, with their events; the partition is free', async () => {
      const tenant = 'id-big';
      const [plan, chunk] = await oversized(tenant);
      const { ended, handle } = carry(plan, [chunk]);
      assert.equal(await ended, undefined);
      await finished();
      await assert.rejects(handle.describe(), { name: 'WorkflowNotFoundError' });
      const [dead] = await deadLettersOf(tenant);
      assert.deepEqual([dead?.reason, dead?.count, dead?.kind], ['start-refused', 8, 'ingest']);
      assert.match(dead?.detail ?? '', /exceeds .*limit/i);
      assert.ok(dead?.types.every((type) => type.length <= 512));
      const { json } = await call<DeadLetterDetail>(tenant, `/${dead?.id}`);
      assert.deepEqual(
        json.events.map((each) => each.event?.id),
        ['0', '1', '2', '3', '4', '5', '6', '7'],
      );
      assert.equal(json.eventsUnreadable, undefined);
      // The next batch of the partition goes through.
      const [next, chunks] = await planned(tenant, ['a']);
      assert.ok((await carry(next, chunks).ended) !== undefined);
      assert.deepEqual(readdirSync(quarantineOf(plan)), ['start.json']);
    });

    it('are dead letters again when a redrive is refused as well, and start when Temporal takes them', async () => {
      const tenant = 'id-again';
      const [plan, chunk] = await oversized(tenant);
      assert.equal(await carry(plan, [chunk]).ended, undefined);
      const [first] = await deadLettersOf(tenant);
      assert.equal((await call(tenant, `/${first?.id}/redrive`, {})).status, 202);
      const refused = await pipeline.client.workflow.getHandle(first!.workflowId).result();
      assert.equal(refused.delivery.delivered, 0);
      const [second] = await deadLettersOf(tenant);
      assert.deepEqual(refused.delivery.deadLetters, [second?.workflowId]);
      assert.match(second!.id, /^ingest~.*~redrive-[0-9a-f]{8}~start-refused\.0$/);

      // A Temporal with other limits is a batch that says less.
      const file = join(quarantineOf(plan), 'start.json');
      const kept = JSON.parse(readFileSync(file, 'utf8')) as IngestBatchInput;
      writeFileSync(file, JSON.stringify({ ...kept, contents: { ...kept.contents, types: ['x'] } }));
      const many = await call(tenant, '/redrive', { filter: { reason: 'start-refused' } });
      assert.equal(many.status, 202);
      const { delivery } = await pipeline.client.workflow.getHandle(second!.workflowId).result();
      assert.deepEqual(delivery, { delivered: 8, deadLettered: 0, passes: 1, deadLetters: [] });
      await loaded(tenant, 8);
      await deadLettersOf(tenant, 0);
    });

    it('start nothing of another tenant, whatever the kept file says', async () => {
      const { quarantine } = pipeline.stores;
      const [plan, chunk] = await oversized('id-one');
      assert.equal(await carry(plan, [chunk]).ended, undefined);
      const kept = JSON.parse(await quarantine.start(plan)) as IngestBatchInput;
      const stolen = {
        ...kept,
        batch: { ...kept.batch, tenant: OTHER },
        contents: { ...kept.contents, types: [] },
      };
      await quarantine.keepStart(plan, JSON.stringify(stolen));
      const [first] = await deadLettersOf('id-one');
      await call('id-one', `/${first?.id}/redrive`, {});
      await pipeline.client.workflow.getHandle(first!.workflowId).result();
      const [second] = await deadLettersOf('id-one');
      assert.match(second?.detail ?? '', /is of another batch/);
      await assert.rejects(
        pipeline.client.workflow.getHandle(`batch/${OTHER}/events/${plan.batchId}`).describe(),
      );
    });
  });

  it('are put beside the file that other events have under the id of their batch', async () => {
    const [plan, chunks] = await planned('id-one', ['a', 'b']);
    const { batchStore } = pipeline.stores;
    const others = gzipSync('{"id":"somebody else\'s"}\n');
    await batchStore.write(plan, others, 1);
    const { ended } = carry(plan, chunks);
    assert.ok((await ended) !== undefined);
    const renamed = spool.lastStarted();
    assert.ok(renamed !== undefined && renamed.batchId > plan.batchId);
    assert.deepEqual([idsInFile(plan), idsInFile(renamed)], [["somebody else's"], idsOf('a', 'b')]);
    await loaded('id-one', 6);
  });
});

interface DyingParts {
  readonly quarantine: Quarantine;
  readonly batchStore: Pipeline['stores']['batchStore'];
  readonly deadLetterIngest: StarterOptions['deadLetterIngest'];
}

const dies = (): Promise<never> => Promise.reject(new Error('the process dies here'));

/** The same, but for a call before or after which the process dies. */
function dyingAt<T extends object>(real: T, method: keyof T, when: 'before' | 'after' = 'before'): T {
  return new Proxy(real, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const call = member.bind(target) as (...args: unknown[]) => unknown;
      if (name !== method) return call;
      return when === 'before' ? dies : async (...args: unknown[]) => (await call(...args), dies());
    },
  });
}

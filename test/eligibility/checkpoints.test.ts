import assert from 'node:assert/strict';
import type { EventRow, InputStream } from '../../src/events/event.js';
import type { Checkpoint } from '../../src/stores/state/state-store.js';
import { openIngress, type Ingress, type IngressOptions } from '../support/ingress.js';
import { event } from '../support/events.js';
import { faultyDiskBeneath } from '../support/faulty-disk.js';
import { gate, type Gate } from '../support/gate.js';
import { overStateStores, subjectIn } from '../support/state-stores.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const SOON_MS = 10_000;

overStateStores('checkpoints of the state', function (kind) {
  this.timeout(30_000);
  const dir = useTempDir();
  const where = kind.use();
  let ingress: Ingress;

  async function open(options: IngressOptions = {}): Promise<void> {
    ingress = await openIngress(dir(), { openState: () => kind.open(where()), ...options });
  }

  beforeEach(() => open());
  afterEach(() => ingress.close());

  const accept = (rows: readonly EventRow[], tenant = 'UA', stream: InputStream = 'events') =>
    ingress.accept(tenant, stream, rows);

  const landings = async (subject = 'N1', tenant = 'UA'): Promise<number | undefined> =>
    (await ingress.decider.subject(tenant, subject))?.state.aggregates.landings?.times.length;

  /** How many the store has. */
  const kept = async (subject = 'N1', tenant = 'UA'): Promise<number | undefined> =>
    (await subjectIn(ingress.state, tenant, subject))?.state.aggregates.landings?.times.length;

  const lastSeq = (): number => Math.max(0, ...[...ingress.spool.held()].map(({ seq }) => seq));

  /** Lets the next checkpoints wait, or fail, where they are written. */
  function holdCheckpoints(): { readonly gate: Gate; readonly asked: Checkpoint[]; letGo(): void } {
    const checkpoint = ingress.state.checkpoint.bind(ingress.state);
    const held = gate();
    const asked: Checkpoint[] = [];
    ingress.state.checkpoint = async (each) => {
      asked.push(each);
      await held.passed;
      return checkpoint(each);
    };
    return { gate: held, asked, letGo: () => (ingress.state.checkpoint = checkpoint) };
  }

  it('are written automatically while nothing but changes asks for them, and none without a change', async () => {
    const { asked, gate: held } = holdCheckpoints();
    held.open();
    await accept([event('e1', 1)]);
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    assert.deepEqual(await subjectIn(ingress.state, 'UA', 'N1'), await ingress.decider.subject('UA', 'N1'));
    await accept([event('e2', 2)], 'DL');
    await until(() => assert.equal(ingress.state.watermark('DL'), 2), SOON_MS);
    assert.deepEqual(
      asked.map(({ watermarks }) => [...watermarks]),
      [[['UA', 1]], [['DL', 2]]],
      'each says what has changed since the last',
    );
    assert.deepEqual(
      asked.map(({ subjects }) => subjects.map(({ tenant, subject }) => `${tenant}/${subject}`)),
      [['UA/N1'], ['DL/N1']],
    );
  });

  it('do not wait for the end of their rest when much has changed', async () => {
    await ingress.close();
    await open({ restMs: Infinity, hurryAt: 20 });
    await accept([event('first', 0)]);
    // The first comes at once; from then on it rests.
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => event(`e${from + n}`, 1, { subject: `S${from + n}` }));
    await accept(many(0, 15));
    await accept(many(15, 15));
    await until(() => assert.equal(ingress.state.watermark('UA'), 3), SOON_MS);
  });

  it('that do not keep up let the tenants wait that change most, and in the end all', async () => {
    await ingress.close();
    await open({ maxChanged: 10 });
    const changing = (count: number, name: string) =>
      Array.from({ length: count }, (_, n) => event(`${name}${n}`, 1, { subject: `${name}${n}` }));
    const { gate: held, letGo } = holdCheckpoints();
    await accept([event('first', 0)]);
    await until(() => assert.equal(ingress.decider.advancing, 0), SOON_MS);
    await accept(changing(2, 'd'), 'DL');
    await accept(changing(12, 'u'));
    await assert.rejects(accept(changing(1, 'v')), { code: 'TENANT_BACKLOG_FULL', retryable: true });
    assert.deepEqual(await accept(changing(1, 'e'), 'DL'), ['accepted'], 'it has less than the mean');
    await accept(changing(6, 'f'), 'DL');
    await assert.rejects(accept(changing(1, 'g'), 'AA'), { code: 'OVERLOADED' });
    letGo();
    held.open();
    await until(() => accept(changing(1, 'v')), SOON_MS);
    await accept(changing(1, 'g'), 'AA');
  });

  it('are made once more at the end', async () => {
    await ingress.close();
    await open({ restMs: Infinity });
    await accept([event('e1', 1)]);
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    await accept([event('e2', 2)]);
    assert.equal(ingress.state.watermark('UA'), 1);
    await ingress.close();
    const state = await kind.open(where());
    assert.equal(state.watermark('UA'), 2);
    const record = await subjectIn(state, 'UA', 'N1');
    assert.equal(record?.state.aggregates.landings?.times.length, 2);
    await state.close();
    await open();
  });

  it('hold what changed before they began and nothing that changed after, whole chunks alone', async () => {
    const { asked, gate: held, letGo } = holdCheckpoints();
    const both = (n: number) => [event(`a${n}`, n), event(`b${n}`, n, { subject: 'N2' })];
    await accept(both(1));
    await until(() => assert.equal(asked.length, 1), SOON_MS);
    for (let n = 2; n < 30; n++) await accept(both(n));
    letGo();
    held.open();
    await until(() => assert.ok(ingress.state.watermark('UA') > 0), SOON_MS);
    const [first] = asked;
    const counts = first!.subjects.map(
      ({ json }) =>
        (JSON.parse(json) as { state: { aggregates: { landings: { times: number[] } } } }).state.aggregates
          .landings.times.length,
    );
    const watermark = first!.watermarks.get('UA')!;
    assert.deepEqual(counts, [watermark, watermark]);
    await until(() => assert.equal(ingress.state.watermark('UA'), 29), SOON_MS);
    assert.equal(await kept('N2'), 29);
  });

  it('are tried again when one fails, though nothing else comes', async () => {
    const { asked, gate: held, letGo } = holdCheckpoints();
    await accept([event('e1', 1)]);
    await until(() => assert.equal(asked.length, 1), SOON_MS);
    letGo();
    held.fail(new Error('the disk is full'));
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    assert.deepEqual(await subjectIn(ingress.state, 'UA', 'N1'), await ingress.decider.subject('UA', 'N1'));
    await ingress.drained();
  });

  it('lose nothing when one fails: what has changed since comes with the next', async () => {
    const { asked, gate: held, letGo } = holdCheckpoints();
    await accept([event('e1', 1)]);
    await until(() => assert.equal(asked.length, 1), SOON_MS);
    await accept([event('e2', 2, { subject: 'N2' })]);
    letGo();
    held.fail(new Error('the disk is full'));
    await accept([event('e3', 3)]);
    await until(() => assert.equal(ingress.state.watermark('UA'), 3), SOON_MS);
    assert.deepEqual([await kept('N1'), await kept('N2')], [2, 1]);
    await ingress.drained();
  });

  it('that fail leave the events in the spool, and nobody waits for them', async () => {
    const { asked, gate: held, letGo } = holdCheckpoints();
    held.fail(new Error('the disk is full'));
    for (let n = 0; n < 5; n++) await accept([event(`e${n}`, n)]);
    const handedOver = () => [...ingress.spool.held()].filter((chunk) => chunk.handedOver).length;
    await until(() => assert.equal(handedOver(), 5), SOON_MS);
    assert.ok(asked.length > 0);
    assert.equal(await landings(), 5);
    letGo();
    await ingress.drained();
  });

  it('never say of an event that is not on disk that it is in the state', async () => {
    await accept([event('e1', 1)]);
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    const { asked, gate: held } = holdCheckpoints();
    const disk = faultyDiskBeneath(ingress.spool);
    const flush = disk.hold();
    const written = accept([event('e2', 2)]);
    // It has been decided on, and waits for the disk: rests go by, and nothing is written.
    assert.equal(await landings(), 2);
    await until(() => assert.equal(ingress.decider.advancing, 0), SOON_MS);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    assert.deepEqual([asked.length, ingress.state.watermark('UA'), lastSeq()], [0, 1, 0]);
    flush.fail(new Error('the disk is full'));
    await assert.rejects(written, { code: 'DISK_FULL' });
    disk.letGo();
    await until(async () => assert.equal(await landings(), 1), SOON_MS);
    const said = asked.flatMap(({ subjects, watermarks }) => [...subjects, ...watermarks]);
    assert.deepEqual(said, [], 'what was snapshotted is given up');
    held.open();
    assert.equal(ingress.state.watermark('UA'), 1);
  });
});

overStateStores('the state, after an append has failed', function (kind) {
  this.timeout(30_000);
  const dir = useTempDir();
  const where = kind.use();
  let ingress: Ingress;

  async function open(): Promise<void> {
    ingress = await openIngress(dir(), { openState: () => kind.open(where()), restMs: Infinity });
  }

  beforeEach(open);
  afterEach(() => ingress.close());

  const accept = (rows: readonly EventRow[], tenant = 'UA') => ingress.accept(tenant, 'events', rows);

  /** As a producer does that is told to come again. */
  const acceptInTheEnd = (rows: readonly EventRow[], tenant = 'UA') =>
    until(() => accept(rows, tenant), SOON_MS);

  const landings = async (subject = 'N1', tenant = 'UA'): Promise<number | undefined> =>
    (await ingress.decider.subject(tenant, subject))?.state.aggregates.landings?.times.length;

  /** How many the store has. */
  const kept = async (subject = 'N1', tenant = 'UA'): Promise<number | undefined> =>
    (await subjectIn(ingress.state, tenant, subject))?.state.aggregates.landings?.times.length;

  const third = async (): Promise<string | undefined> =>
    (await ingress.decider.subject('UA', 'N1'))?.decisions.third?.outcome;

  it('has no effect of it, and has the retry once', async () => {
    const disk = faultyDiskBeneath(ingress.spool);
    await accept([event('e1', 1), event('e2', 2)]);
    disk.failNext();
    await assert.rejects(accept([event('e3', 3), event('n', 3, { subject: 'N2' })]), { code: 'DISK_FULL' });
    await until(async () => assert.equal(await landings(), 2), SOON_MS);
    assert.equal(await ingress.decider.subject('UA', 'N2'), undefined);
    assert.equal(await third(), 'ineligible');
    assert.deepEqual(await acceptInTheEnd([event('e3', 3)]), ['accepted']);
    assert.deepEqual([await landings(), await third()], [3, 'eligible']);
    assert.deepEqual(await accept([event('e3', 3)]), ['duplicate']);
  });

  it('decides on nothing until it is what the spool has: no decision counts an event that is not there', async () => {
    const disk = faultyDiskBeneath(ingress.spool);
    await accept([event('e1', 1)]);
    disk.failNext();
    const failed = accept([event('e2', 2)]);
    await assert.rejects(failed, { code: 'DISK_FULL' });
    // As early as a producer can be.
    await assert.rejects(accept([event('e3', 3)]), { code: 'OVERLOADED', retryable: true });
    await assert.rejects(accept([event('d1', 3)], 'DL'), { code: 'OVERLOADED', retryable: true });
    await acceptInTheEnd([event('e3', 3)]);
    const { reason } = (await ingress.decider.subject('UA', 'N1'))!.decisions.third!;
    assert.equal(reason, 'aggregates.landings = 2');
  });

  it('has what was on its way when it failed, of every tenant, and what comes after', async () => {
    // From here on both are in memory, so that requests are written in the turn they come.
    for (const tenant of ['UA', 'DL']) await accept([event('first', 0)], tenant);
    const disk = faultyDiskBeneath(ingress.spool);
    const gates: Gate[] = [];
    const send = (id: string, tenant = 'UA') => {
      gates.push(disk.hold());
      return accept([event(id, 1)], tenant);
    };
    const [bad, good, other] = [send('bad'), send('good'), send('other', 'DL')];
    disk.letGo();
    gates[0]!.fail(new Error('the disk is full'));
    await assert.rejects(bad, { code: 'DISK_FULL' });
    gates[1]!.open();
    gates[2]!.open();
    assert.deepEqual([await good, await other], [['accepted'], ['accepted']]);
    for (const tenant of ['UA', 'DL']) await acceptInTheEnd([event('next', 2)], tenant);
    assert.deepEqual([await landings(), await landings('N1', 'DL')], [3, 3]);
    await ingress.checkpoints.stop();
    assert.deepEqual([await kept(), await kept('N1', 'DL')], [3, 3]);
  });

  it('loses nothing that comes while it is being made good, though the spool is read before it is there', async () => {
    await accept([event('first', 0)]);
    const disk = faultyDiskBeneath(ingress.spool);
    const slow = disk.hold();
    const before = accept([event('before', 1)]);
    disk.failNext();
    disk.letGo();
    await assert.rejects(accept([event('bad', 2)]), { code: 'DISK_FULL' });
    // The rewind waits for what is on its way. What comes now may be refused, but not forgotten.
    const slower = disk.hold();
    const meanwhile = accept([event('meanwhile', 3)]).catch(() => undefined);
    slow.open();
    await before;
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    slower.open();
    disk.letGo();
    await meanwhile;
    await acceptInTheEnd([event('meanwhile', 3)]);
    assert.equal(await landings(), 3);
  });

  it('keeps nothing of it when the process is stopped before it is made good', async () => {
    await accept([event('e1', 1)]);
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    faultyDiskBeneath(ingress.spool).failNext();
    await assert.rejects(accept([event('e2', 2)]), { code: 'DISK_FULL' });
    await ingress.close();
    await open();
    assert.equal(await landings(), 1);
    assert.deepEqual(await accept([event('e2', 2)]), ['accepted']);
    assert.equal(await landings(), 2);
  });

  it('is not written by the last checkpoint while it is being made good', async () => {
    const disk = faultyDiskBeneath(ingress.spool);
    await accept([event('e1', 1)]);
    const [first, second] = [disk.hold(), accept([event('bad', 2)])];
    const [third, fourth] = [disk.hold(), accept([event('good', 3)])];
    first.fail(new Error('the disk is full'));
    await assert.rejects(second, { code: 'DISK_FULL' });
    const stopping = ingress.checkpoints.stop();
    third.open();
    await Promise.all([fourth, stopping]);
    assert.equal(await kept(), 2);
    assert.equal(await landings(), 2);
  });

  it('is made good at once, also where a checkpoint has just failed', async () => {
    const checkpoint = ingress.state.checkpoint.bind(ingress.state);
    let asked = 0;
    ingress.state.checkpoint = () => {
      asked += 1;
      return Promise.reject(new Error('the disk is full'));
    };
    await accept([event('e1', 1)]);
    await until(() => assert.equal(asked, 1), SOON_MS);
    faultyDiskBeneath(ingress.spool).failNext();
    await assert.rejects(accept([event('e2', 2)]), { code: 'DISK_FULL' });
    assert.deepEqual(await acceptInTheEnd([event('e3', 3)]), ['accepted']);
    assert.deepEqual([await landings(), asked], [2, 1], 'before the checkpoint is tried again');
    ingress.state.checkpoint = checkpoint;
  });
});

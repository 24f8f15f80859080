import assert from 'node:assert/strict';
import pg from 'pg';
import { openIngress, type Ingress } from '../support/ingress.js';
import { event } from '../support/events.js';
import { faultyDiskBeneath } from '../support/faulty-disk.js';
import { layWire, type Wire } from '../support/cut-wire.js';
import { newStateUrl, placeOf, usePostgres } from '../support/postgres.js';
import { openStateAt } from '../support/state-stores.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const SOON_MS = 15_000;

describe('deciding, while the Postgres with the state is away', function () {
  this.timeout(60_000);
  const server = usePostgres();
  const dir = useTempDir();
  let wire: Wire;
  let url: string;
  let ingress: Ingress;

  beforeEach(async () => {
    wire = await layWire(server().port);
    url = newStateUrl(server());
    await open(url.replace(`:${server().port}/`, `:${wire.port}/`));
  });
  afterEach(async () => {
    await ingress.close();
    await wire.close();
  });

  async function open(at = url): Promise<void> {
    ingress = await openIngress(dir(), { openState: () => openStateAt(at), restMs: 10 });
  }

  const accept = (id: string, subject = 'N1') => ingress.accept('UA', 'events', [event(id, 1, { subject })]);

  const landings = async (subject = 'N1'): Promise<number | undefined> =>
    (await ingress.decider.subject('UA', subject))?.state.aggregates.landings?.times.length;

  it('goes on about subjects in memory, refuses the others, and writes all of it when it is back', async () => {
    await accept('e1');
    await server().crash();
    for (const id of ['e2', 'e3']) assert.deepEqual(await accept(id), ['accepted']);
    await assert.rejects(accept('o1', 'N2'), { code: 'STATE_UNAVAILABLE', retryable: true });
    assert.equal(await landings(), 3);
    await server().start();
    await until(() => accept('o1', 'N2'), SOON_MS);
    await until(() => assert.equal(ingress.state.watermark('UA'), 4), SOON_MS);
    await ingress.drained();
    await ingress.crash();
    await open();
    assert.deepEqual([await landings(), await landings('N2')], [3, 1]);
  });

  it('makes an append good that has failed once it is back, and decides on nothing until then', async () => {
    await accept('e1');
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    await server().crash();
    faultyDiskBeneath(ingress.spool).failNext();
    await assert.rejects(accept('e2'), { code: 'DISK_FULL' });
    for (let turn = 0; turn < 50; turn++) {
      await assert.rejects(accept('e3'), { code: 'OVERLOADED', retryable: true });
      await new Promise(setImmediate);
    }
    await server().start();
    await until(() => accept('e3'), SOON_MS);
    assert.equal(await landings(), 2);
  });

  it('ends when it is told to, though what has to be made good cannot be', async () => {
    await accept('e1');
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    await server().crash();
    faultyDiskBeneath(ingress.spool).failNext();
    await assert.rejects(accept('e2'), { code: 'DISK_FULL' });
    await ingress.checkpoints.stop();
    await server().start();
    await ingress.crash().catch(() => undefined);
    await open();
    assert.deepEqual([await accept('e2'), await landings()], [['accepted'], 2]);
  });

  it('counts no event twice when a checkpoint was kept that it did not hear about, and an append fails then', async () => {
    await accept('e1');
    await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
    const tables = new pg.Client({ connectionString: server().url() });
    await tables.connect();
    const kept = async (): Promise<number> => {
      const { rows } = await tables.query<{ seq: string }>(
        `SELECT seq FROM ${placeOf(url).schema}.watermarks`,
      );
      return Number(rows[0]?.seq);
    };
    wire.deafen();
    await accept('e2');
    await until(async () => assert.equal(await kept(), 2), SOON_MS);
    assert.equal(ingress.state.watermark('UA'), 1, 'it has not heard of it');
    wire.cut();
    faultyDiskBeneath(ingress.spool).failNext();
    await assert.rejects(accept('e3'), { code: 'DISK_FULL' });
    await until(() => accept('e4'), SOON_MS);
    assert.equal(await landings(), 3);
    await tables.end();
  });
});

import assert from 'node:assert/strict';
import type { DecisionRow, EventRow, InputStream } from '../../src/events/event.js';
import type { CompiledRules } from '../../src/rules/compiled.js';
import { openIngress, type Ingress, type IngressOptions } from '../support/ingress.js';
import { event, linesOf, rulesOf } from '../support/events.js';
import { gate } from '../support/gate.js';
import { overStateStores } from '../support/state-stores.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const SOON_MS = 10_000;

overStateStores('the decider', function (kind) {
  this.timeout(30_000);
  const dir = useTempDir();
  const where = kind.use();
  let ingress: Ingress;
  let rules: Map<string, CompiledRules>;

  beforeEach(async () => {
    rules = new Map([
      ['UA', rulesOf()],
      ['DL', rulesOf()],
    ]);
    await open();
  });
  afterEach(() => ingress.close());

  /** Batches wait, unless the test says otherwise: what has been taken stays in the spool. */
  async function open(options: IngressOptions = {}): Promise<void> {
    const held = gate();
    const rulesOfTenant = (tenant: string) => rules.get(tenant);
    ingress = await openIngress(dir(), {
      rulesOf: rulesOfTenant,
      restMs: Infinity,
      onBatch: () => held.passed,
      openState: () => kind.open(where()),
      ...options,
    });
    const { batcher } = ingress;
    const stop = batcher.stop.bind(batcher);
    batcher.stop = () => {
      held.fail(new Error('the process stops'));
      return stop();
    };
  }

  async function crash(): Promise<void> {
    await ingress.crash();
    await open();
  }

  /** The state on disk stays as it is until ingress is opened again. */
  function withoutCheckpoints(): void {
    ingress.state.checkpoint = () => Promise.reject(new Error('the disk is full'));
  }

  const accept = (rows: readonly EventRow[], tenant = 'UA', stream: InputStream = 'events') =>
    ingress.accept(tenant, stream, rows);

  const landings = async (subject = 'N1', tenant = 'UA'): Promise<number | undefined> =>
    (await ingress.decider.subject(tenant, subject))?.state.aggregates.landings?.times.length;

  /** More events of one subject than an aggregate keeps as they are: a second time of most would not be noticed. */
  const many = (minute: number) => Array.from({ length: 100 }, (_, n) => event(`m${minute}-${n}`, minute));

  /** How many landings of N1 are counted, folded ones too. */
  const counted = async (): Promise<number | undefined> =>
    (await ingress.decider.subject('UA', 'N1'))?.state.aggregates.landings?.values.reduce<number>(
      (sum, each) => sum + Number(each),
      0,
    );

  /** The decisions in the spool, of all chunks. */
  const decisionsInSpool = (): DecisionRow[] =>
    [...ingress.spool.held()].flatMap((chunk) => linesOf<DecisionRow>(ingress.spool.read(chunk).decisions));

  it('has decided when the 202 comes, with the decisions beside the events', async () => {
    await accept([event('p', 0, { data: { seats: 200 } })], 'UA', 'user-properties');
    await accept([event('e1', 1), event('e2', 2)]);
    const { decisions } = (await ingress.decider.subject('UA', 'N1'))!;
    assert.deepEqual(
      Object.entries(decisions).map(([rule, each]) => [rule, each.outcome, each.eventId]),
      [
        ['third', 'ineligible', 'e2'],
        ['big', 'eligible', 'e2'],
      ],
    );
    for (const [rule, each] of Object.entries(decisions)) {
      const row = decisionsInSpool().findLast((decision) => decision.rule === rule);
      assert.deepEqual(
        [row?.event_id, row?.outcome, row?.reason, row?.rule_version, row?.time],
        [each.eventId, each.outcome, each.reason, each.ruleVersion, each.time],
      );
    }
    const heads = [...ingress.spool.held()].map((chunk) => ingress.spool.read(chunk).head);
    assert.deepEqual(
      heads.map(({ evaluated, eligible }) => [evaluated, eligible]),
      [
        [0, {}],
        [4, { big: 2 }],
      ],
    );
  });

  it('decides in the order of receipt, however many come at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => accept([event(`e${n}`, n)])));
    const reasons = decisionsInSpool().filter(({ rule }) => rule === 'third');
    assert.deepEqual(
      reasons.map(({ event_id, reason }) => [event_id, reason]),
      Array.from({ length: 20 }, (_, n) => [`e${n}`, `aggregates.landings = ${n + 1}`]),
    );
  });

  it('touches nothing of another tenant, whose subjects have the same names', async () => {
    await accept([event('e1', 1), event('e2', 2)]);
    await accept([event('p', 0, { data: { seats: 200 } })], 'DL', 'user-properties');
    const before = JSON.stringify(await ingress.decider.subject('DL', 'N1'));
    await accept([event('e3', 3)]);
    assert.equal(JSON.stringify(await ingress.decider.subject('DL', 'N1')), before);
    assert.deepEqual([await landings(), await landings('N1', 'DL')], [3, undefined]);
    await crash();
    assert.equal(JSON.stringify(await ingress.decider.subject('DL', 'N1')), before);
    assert.equal(await landings(), 3);
  });

  it('takes no event of a tenant that is not configured, and keeps none', async () => {
    await assert.rejects(accept([event('e1', 1)], 'AA'), { code: 'TENANT_UNKNOWN' });
    assert.deepEqual([[...ingress.spool.held()], await ingress.decider.subject('AA', 'N1')], [[], undefined]);
    rules.set('AA', rulesOf());
    assert.deepEqual(await accept([event('e1', 1)], 'AA'), ['accepted']);
  });

  it('tells up to where it has come of the tenants that went on, once', async () => {
    withoutCheckpoints();
    await accept([event('e1', 1)]);
    await accept([event('e2', 2)], 'DL');
    const first = [...ingress.decider.takeWatermarks(10)];
    assert.deepEqual(first, [
      ['UA', 1],
      ['DL', 2],
    ]);
    assert.equal(ingress.decider.advancing, 0);
    await accept([event('e3', 3)], 'DL');
    await accept([event('e4', 4)], 'DL');
    const watermarks = ingress.decider.takeWatermarks(10);
    assert.deepEqual([...watermarks], [['DL', 4]]);
    assert.deepEqual([...ingress.decider.takeWatermarks(10)], []);
    await accept([event('e5', 5)], 'DL');
    ingress.decider.giveBack(watermarks);
    assert.deepEqual([...ingress.decider.takeWatermarks(10)], [['DL', 5]]);
  });

  it('tells a few tenants at a time, those first that have waited longest, and one however large', async () => {
    withoutCheckpoints();
    const changing = (count: number, n: number) =>
      Array.from({ length: count }, (_, each) => event(`e${n}-${each}`, 1, { subject: `S${each}` }));
    const sizes = { UA: 5, DL: 3, AA: 2 };
    rules.set('AA', rulesOf());
    for (const [tenant, size] of Object.entries(sizes)) await accept(changing(size, 1), tenant);
    const taken = (subjects: number) => [...ingress.decider.takeWatermarks(subjects).keys()];
    assert.deepEqual(taken(1), ['UA']);
    assert.equal(ingress.decider.advancing, 2);
    await accept(changing(1, 2), 'UA');
    assert.deepEqual(taken(5), ['DL', 'AA']);
    assert.deepEqual([taken(5), taken(5)], [['UA'], []]);
  });

  describe('after a crash', () => {
    it('has what the last checkpoint lacks from the spool, and applies nothing twice', async () => {
      await accept(many(1));
      await until(() => assert.equal(ingress.state.watermark('UA'), 1), SOON_MS);
      withoutCheckpoints();
      await accept([event('p', 2, { data: { seats: 200 } })], 'UA', 'user-properties');
      await accept([event('e2', 2), event('e3', 3)]);
      await accept([event('e4', 4)], 'DL');
      const look = async () =>
        JSON.stringify([
          await ingress.decider.subject('UA', 'N1'),
          await ingress.decider.subject('DL', 'N1'),
        ]);
      const before = await look();
      assert.equal(ingress.state.watermark('UA'), 1, 'there was no later checkpoint');
      await crash();
      assert.equal(await look(), before);
      await accept([event('e5', 5)]);
      assert.equal(await counted(), 103);
    });

    it('keeps the decisions it had made, though the rules have changed since', async () => {
      await accept([event('e1', 1), event('e2', 2)]);
      const before = decisionsInSpool();
      assert.equal(before.length, 4);
      rules.set('UA', rulesOf({ rules: [{ name: 'any', on: ['landed'], when: 'true' }] }));
      await crash();
      assert.deepEqual(decisionsInSpool(), before);
      await accept([event('e3', 3)]);
      assert.deepEqual(
        decisionsInSpool()
          .slice(4)
          .map(({ event_id, rule }) => [event_id, rule]),
        [['e3', 'any']],
      );
    });

    it('lets the chunks of a tenant that is gone wait, and the others go on; then catches up, in order', async () => {
      withoutCheckpoints();
      await accept([event('e1', 1)]);
      await accept([event('d1', 1)], 'DL');
      await accept([event('e2', 2)]);
      rules.delete('UA');
      await crash();
      assert.deepEqual([await landings(), await landings('N1', 'DL')], [undefined, 1]);
      await accept([event('d2', 2)], 'DL');
      await assert.rejects(accept([event('e3', 3)]), { code: 'TENANT_UNKNOWN' });
      await ingress.checkpoints.stop();
      assert.deepEqual([ingress.state.watermark('UA'), ingress.state.watermark('DL')], [0, 4]);
      await crash();
      rules.set('UA', rulesOf());
      await assert.rejects(accept([event('e3', 3)]), { code: 'OVERLOADED', retryable: true });
      await ingress.decider.catchUp();
      assert.equal(await landings(), 2);
      await accept([event('e3', 3)]);
      assert.equal((await ingress.decider.subject('UA', 'N1'))?.decisions.third?.outcome, 'eligible');
    });

    it('does not lose the chunks of a tenant that is gone when Temporal has them', async () => {
      await ingress.close();
      await open({ onBatch: () => undefined });
      withoutCheckpoints();
      await accept([event('e1', 1)]);
      await until(() => assert.ok([...ingress.spool.held()].every((chunk) => chunk.handedOver)), SOON_MS);
      await ingress.crash();
      rules.delete('UA');
      await open({ onBatch: () => undefined, restMs: 10 });
      await accept([event('d1', 1)], 'DL');
      await until(() => assert.ok(ingress.state.watermark('DL') > 0), SOON_MS);
      const held = [...ingress.spool.held()].filter(({ tenant }) => tenant === 'UA');
      assert.equal(held.length, 1);
      rules.set('UA', rulesOf());
      await ingress.decider.catchUp();
      assert.equal(await landings(), 1);
      await ingress.drained();
    });

    it('answers others while it catches up with a tenant', async () => {
      withoutCheckpoints();
      for (let n = 0; n < 50; n++) await accept([event(`e${n}`, n % 60)]);
      rules.delete('UA');
      await crash();
      rules.set('UA', rulesOf());
      let turns = 0;
      let done = false;
      const turn = () => {
        turns += 1;
        if (!done) setImmediate(turn);
      };
      setImmediate(turn);
      await ingress.decider.catchUp();
      done = true;
      assert.ok(turns >= 49, `${turns} turns of the event loop`);
      assert.equal(await landings(), 50);
    });
  });

  it('applies no chunk twice when the state is restored while it catches up', async () => {
    withoutCheckpoints();
    for (let n = 0; n < 20; n++) await accept(many(n));
    assert.equal(await counted(), 2_000);
    rules.delete('UA');
    await crash();
    rules.set('UA', rulesOf());
    const catching = ingress.decider.catchUp();
    await new Promise(setImmediate);
    await Promise.all([catching, ingress.decider.restore()]);
    assert.equal(await counted(), 2_000);
  });
});

import assert from 'node:assert/strict';
import type { EventRow, InputStream } from '../../src/events/event.js';
import { MAX_PROFILE_KEYS } from '../../src/rules/profile-limits.js';
import { faultyDiskBeneath } from '../support/faulty-disk.js';
import { event } from '../support/events.js';
import { openIngress, type Ingress } from '../support/ingress.js';
import { overStateStores, subjectIn } from '../support/state-stores.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const SOON_MS = 10_000;
const NEVER = Infinity;

overStateStores('subjects that are merged, on disk', function (kind) {
  this.timeout(30_000);
  const dir = useTempDir();
  const where = kind.use();
  let ingress: Ingress;

  beforeEach(() => open());
  afterEach(() => ingress.close());

  async function open(restMs = NEVER): Promise<void> {
    ingress = await openIngress(dir(), { restMs, openState: () => kind.open(where()) });
  }

  /** Ends the process, with a last checkpoint or without, and begins another, which has nothing in memory. */
  async function again(how: 'closed' | 'crashed'): Promise<void> {
    await (how === 'closed' ? ingress.close() : ingress.crash());
    await open();
  }

  const send = (rows: readonly EventRow[], stream: InputStream = 'events', tenant = 'UA') =>
    ingress.accept(tenant, stream, rows);
  const landed = (id: string, minute: number, subject: string) => event(id, minute, { subject });
  const properties = (id: string, subject: string, data: object, mergesubject?: string) =>
    event(id, 0, { subject, data, ...(mergesubject !== undefined && { extensions: { mergesubject } }) });
  const merge = (id: string, subject: string, merged: string, tenant = 'UA') =>
    send([properties(id, subject, {}, merged)], 'user-properties', tenant);

  /** Whose state a subject has, and how many landings that counts. */
  async function seen(subject: string, tenant = 'UA'): Promise<[string, number | undefined]> {
    const { subject: canonical, record } = await ingress.decider.canonical(tenant, subject);
    return [canonical, record?.state.aggregates.landings?.times.length];
  }

  for (const how of ['closed', 'crashed'] as const)
    it(`are what they were when their process has been ${how}, before the merge, after it and later`, async () => {
      await send([landed('e1', 1, 'anonymous'), landed('e2', 2, 'user')]);
      await again(how);
      await merge('m', 'user', 'anonymous');
      await again(how);
      await merge('m2', 'user', 'anonymous');
      await send([landed('e3', 3, 'anonymous')]);
      assert.deepEqual(
        [await seen('anonymous'), await seen('user')],
        [
          ['user', 3],
          ['user', 3],
        ],
      );
      await again(how);
      assert.deepEqual(await seen('anonymous'), ['user', 3]);
      const decided = (await ingress.decider.canonical('UA', 'user')).record?.decisions.third;
      assert.deepEqual([decided?.outcome, decided?.eventId], ['eligible', 'e3']);
    });

  it('are both in the checkpoint that has the merge, and neither in one before it', async () => {
    await send([landed('e1', 1, 'anonymous'), landed('e2', 2, 'user')]);
    await ingress.close();
    await open(1);
    const disk = faultyDiskBeneath(ingress.spool);
    const held = disk.hold();
    const merging = merge('m', 'user', 'anonymous');
    await until(async () => assert.deepEqual(await seen('anonymous'), ['user', 2]), SOON_MS);
    const marker = async () => (await subjectIn(ingress.state, 'UA', 'anonymous'))?.mergedInto;
    /** Undefined where the checkpoint was written between two reads. */
    const stored = async () => {
      const before = await marker();
      const times = (await subjectIn(ingress.state, 'UA', 'user'))?.state.aggregates.landings?.times.length;
      return before === (await marker()) ? [before, times] : undefined;
    };
    assert.deepEqual(await stored(), [undefined, 1]);
    held.open();
    disk.letGo();
    await merging;
    const seenThere = new Set<string>();
    await until(async () => {
      const now = await stored();
      if (now !== undefined) seenThere.add(JSON.stringify(now));
      assert.deepEqual(now, ['user', 2]);
    }, SOON_MS);
    for (const one of seenThere) assert.ok(['[null,1]', '["user",2]'].includes(one), one);
  });

  it('are as before where the merge could not be written', async () => {
    await send([landed('e1', 1, 'anonymous'), landed('e2', 2, 'user')]);
    faultyDiskBeneath(ingress.spool).failNext();
    await assert.rejects(merge('m', 'user', 'anonymous'));
    await until(async () => assert.deepEqual(await seen('anonymous'), ['anonymous', 1]), SOON_MS);
    await until(() => merge('m', 'user', 'anonymous'), SOON_MS);
    assert.deepEqual(await seen('anonymous'), ['user', 2]);
  });

  it('are found by way of others, none of which memory has', async () => {
    await send([landed('e1', 1, 'a')]);
    await send([properties('m1', 'b', {}, 'a'), properties('m2', 'c', {}, 'b')], 'user-properties');
    await again('closed');
    assert.deepEqual(await seen('a'), ['c', 1]);
    await again('closed');
    await send([landed('e2', 2, 'a')]);
    assert.deepEqual(await seen('c'), ['c', 2]);
    await again('closed');
    await merge('m3', 'a', 'd');
    await send([landed('e3', 3, 'd')]);
    assert.deepEqual(await seen('d'), ['c', 3]);
  });

  it('are those of their tenant: the same names of another are not touched', async () => {
    const both = [landed('e1', 1, 'anonymous'), landed('e2', 2, 'user')];
    await send(both);
    await send(both, 'events', 'DL');
    await merge('m', 'user', 'anonymous');
    await send([landed('e3', 3, 'anonymous')]);
    await send([landed('e3', 3, 'anonymous')], 'events', 'DL');
    for (const again_ of [false, true]) {
      if (again_) await again('crashed');
      assert.deepEqual(await seen('anonymous'), ['user', 3]);
      assert.deepEqual(
        [await seen('anonymous', 'DL'), await seen('user', 'DL')],
        [
          ['anonymous', 2],
          ['user', 1],
        ],
      );
    }
  });

  it('have no more properties than one has: what is merged gets the room that is left, and more is refused', async () => {
    const some = (prefix: string, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${n}`, n]));
    const most = MAX_PROFILE_KEYS;
    await send(
      [properties('p1', 'anonymous', some('a', most - 10)), properties('p2', 'user', some('u', 100))],
      'user-properties',
    );
    const receipts = await send(
      [
        properties('m', 'user', { plan: 'gold' }, 'anonymous'),
        properties('p3', 'user', { one: 'more' }),
        properties('p4', 'anonymous', { another: 'more' }),
        properties('p5', 'user', { plan: 'silver' }),
      ],
      'user-properties',
    );
    assert.deepEqual(
      receipts.map((receipt) => (typeof receipt === 'object' ? 'refused' : receipt)),
      ['accepted', 'refused', 'refused', 'accepted'],
    );
    const values = (await ingress.decider.canonical('UA', 'user')).record?.profile?.values ?? {};
    assert.equal(Object.keys(values).length, most);
    assert.deepEqual([values.u99, values.plan, values.a0, values.one], [99, 'silver', 0, undefined]);
    const [late] = await send([properties('p6', 'anonymous', { late: 'more' })], 'user-properties');
    assert.ok(typeof late === 'object', 'it is measured by the profile that it would change');
  });
});

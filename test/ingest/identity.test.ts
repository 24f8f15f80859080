import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DecisionRow, EventRow } from '../../src/events/event.js';
import { createFingerprint, FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import { openLmdb } from '../../src/platform/lmdb-environment.js';
import { fingerprintOf } from '../../src/rules/fingerprint.js';
import { openIngress, type Ingress } from '../support/ingress.js';
import { event, linesOf } from '../support/events.js';
import { useTempDir } from '../support/temp-dir.js';

const BERLIN = { source: '/shop/berlin' };
const PARIS = { source: '/shop/paris' };

describe('the identity of events', () => {
  const dir = useTempDir();
  let ingress: Ingress;
  let events: EventRow[];
  let decisions: DecisionRow[];

  async function open(): Promise<void> {
    ingress = await openIngress(dir(), {
      onBatch: (_plan, records) => {
        events.push(...records.flatMap((record) => linesOf<EventRow>(record.events)));
        decisions.push(...records.flatMap((record) => linesOf<DecisionRow>(record.decisions)));
      },
    });
  }

  beforeEach(async () => {
    events = [];
    decisions = [];
    await open();
  });
  afterEach(() => ingress.close());

  const accept = (rows: readonly EventRow[], stream: 'events' | 'user-properties' = 'events') =>
    ingress.accept('UA', stream, rows);

  it('is source and id: two sources with one id are two events, also after a restart', async () => {
    assert.deepEqual(await accept([event('1', 0, BERLIN), event('1', 1, PARIS), event('1', 2, BERLIN)]), [
      'accepted',
      'accepted',
      'duplicate',
    ]);
    await ingress.drained();
    assert.deepEqual(
      events.map(({ source }) => source),
      [BERLIN.source, PARIS.source],
    );
    await ingress.close();
    await open();
    const other = { source: '/shop/rome' };
    assert.deepEqual(await accept([event('1', 0, PARIS), event('1', 0, other)]), ['duplicate', 'accepted']);
  });

  it('is one of the stream: an id in both streams is two events', async () => {
    assert.deepEqual(await accept([event('1', 0)]), ['accepted']);
    assert.deepEqual(await accept([event('1', 0, { data: { seats: 200 } })], 'user-properties'), [
      'accepted',
    ]);
  });

  it('counts in aggregates and decisions: each source has its own', async () => {
    await accept([event('1', 0, BERLIN), event('1', 1, PARIS), event('2', 2, PARIS)]);
    await ingress.drained();
    const third = decisions.filter(({ rule }) => rule === 'third');
    assert.deepEqual(
      third.map(({ event_source, event_id, outcome }) => [event_source, event_id, outcome]),
      [
        [BERLIN.source, '1', 'ineligible'],
        [PARIS.source, '1', 'ineligible'],
        [PARIS.source, '2', 'eligible'],
      ],
    );
    assert.equal(new Set(third.map(({ id }) => id)).size, 3);
    const record = await ingress.decider.subject('UA', 'N1');
    assert.equal(record?.decisions.third?.eventSource, PARIS.source);
  });

  it('of version 0.1.0 is known for as long as it is remembered: ids in the spool, and in aggregates', async () => {
    await accept([event('before', 0), event('waits', 1)]);
    await ingress.drained();
    await ingress.close();
    await asVersion010(['before', 'waits']);
    await open();
    assert.deepEqual(await accept([event('before', 0), event('new', 0), event('waits', 1)]), [
      'duplicate',
      'accepted',
      'duplicate',
    ]);
    assert.deepEqual(await accept([event('new', 0, PARIS)]), ['accepted']);
  });

  /** Turns what the spool remembers, and what the aggregate of N1 has folded, into what version 0.1.0 would have kept. */
  async function asVersion010(ids: readonly string[]): Promise<void> {
    const lmdb = openLmdb(join(dir(), 'spool'), { encoding: 'msgpack' });
    const [identities, prints] = ['identity', 'prints'].map((name) => lmdb.root.openDB({ name }));
    const identity = identities!.get('identity') as { node: string; seeds: [string, string] };
    const { node, seeds } = identity;
    const fingerprint = await createFingerprint([BigInt(`0x${seeds[0]}`), BigInt(`0x${seeds[1]}`)]);
    const ofIds = Buffer.alloc(ids.length * FINGERPRINT_BYTES);
    ids.forEach((id, at) => fingerprint(id, ofIds, at * FINGERPRINT_BYTES));
    for (const key of [...prints!.getKeys()]) prints!.removeSync(key);
    const [tenant, stream] = ['UA', 'events'];
    prints!.putSync(1, { tenant, stream, receivedAt: Date.now(), prints: ofIds });
    identities!.putSync('identity', { node, seeds });
    await lmdb.close();
  }

  it('of version 0.1.0 is folded once', async () => {
    const { decider } = ingress;
    await accept([event('1', 0)]);
    const record = await decider.subject('UA', 'N1');
    const landings = record?.state.aggregates.landings;
    assert.ok(landings);
    landings.ids[0] = fingerprintOf('1');
    // Past the dedupe window the event comes again: another stream's partition stands in for that.
    decider.decide('UA', 'events', 1_000, [event('1', 0)]);
    assert.equal((await decider.subject('UA', 'N1'))?.state.aggregates.landings?.ids.length, 1);
    decider.decide('UA', 'events', 1_001, [event('1', 0, PARIS), event('2', 1)]);
    const after = (await decider.subject('UA', 'N1'))?.state.aggregates.landings?.ids.length;
    assert.equal(after, 2, 'the id of another source is taken for the same only by what 0.1.0 has folded');
  });
});

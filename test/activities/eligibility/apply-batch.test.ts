import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { useTempDir } from '../../support/temp-dir.js';
import { event, openRoom, rulesOf, type Room } from './fixture.js';

describe('the activity applyBatch', () => {
  const dir = useTempDir();
  let room: Room;

  beforeEach(() => {
    room = openRoom(dir());
  });
  afterEach(() => room.state.close());

  it('records every evaluation: subject, rule, version, outcome, reason, event, time, batch', async () => {
    await room.activities.applyBatch(
      await room.write([event('p1', 0, { data: { seats: 200 } })], 'user-properties'),
    );
    const batch = await room.write([event('e1', 1), event('e2', 2, { type: 'parked', subject: 'N2' })]);
    const result = await room.activities.applyBatch(batch);
    assert.deepEqual([result.evaluated, result.eligible], [3, { big: 1 }]);
    assert.deepEqual(
      [result.decisions?.stream, result.decisions?.batchId, result.decisions?.events],
      ['decisions', batch.batchId, 3],
    );
    const [third, big] = room.rules.rules.map(({ version }) => version);
    const first = {
      ...{ event_id: 'e1', subject: 'N1', time: '2024-03-10T12:01:00.000Z', batch_id: batch.batchId },
    };
    assert.deepEqual(await room.decisionsOf(result), [
      {
        ...{ id: `e1:third:${third}`, ...first, rule: 'third', rule_version: third },
        ...{ outcome: 'ineligible', reason: 'aggregates.landings = 1' },
      },
      {
        ...{ id: `e1:big:${big}`, ...first, rule: 'big', rule_version: big },
        ...{ outcome: 'eligible', reason: 'profile.seats = 200' },
      },
      {
        ...{ id: `e2:big:${big}`, event_id: 'e2', subject: 'N2', time: '2024-03-10T12:02:00.000Z' },
        ...{ batch_id: batch.batchId, rule: 'big', rule_version: big },
        ...{ outcome: 'ineligible', reason: 'profile.seats is missing' },
      },
    ]);
  });

  it('keeps the latest decision of each rule with its subject', async () => {
    const batch = await room.write([event('e1', 1), event('e2', 2), event('e3', 3)]);
    await room.activities.applyBatch(batch);
    const third = room.state.subject('UA', 'N1')?.decisions.third;
    assert.deepEqual(third, {
      ...{
        outcome: 'eligible',
        reason: 'aggregates.landings = 3',
        ruleVersion: room.rules.rules[0]?.version,
      },
      ...{ eventId: 'e3', time: '2024-03-10T12:03:00.000Z', batchId: batch.batchId },
    });
    const counted = room.state.subject('UA', 'N1')?.state.aggregates.landings;
    assert.equal(counted?.times.length, 3);
  });

  it('carries aggregates from batch to batch', async () => {
    await room.activities.applyBatch(await room.write([event('e1', 1), event('e2', 2)]));
    const result = await room.activities.applyBatch(await room.write([event('e3', 3)]));
    assert.deepEqual(result.eligible, { third: 1 });
  });

  it('merges user properties: the later event wins key by key, null unsets, none is decided on', async () => {
    const properties = [
      event('p1', 5, { data: { seats: 200, model: 'A320', engines: 2 } }),
      event('p2', 1, { data: { seats: 100, year: 1999 } }),
      event('p3', 6, { data: { model: null } }),
      event('p4', 7, { subject: undefined, data: { seats: 1 } }),
    ];
    const result = await room.activities.applyBatch(await room.write(properties, 'user-properties'));
    assert.deepEqual(result, { evaluated: 0, eligible: {} });
    assert.deepEqual(room.state.profile('UA', 'N1')?.values, { seats: 200, engines: 2, year: 1999 });
    await room.activities.applyBatch(
      await room.write([event('p5', 8, { data: { seats: 180 } })], 'user-properties'),
    );
    assert.equal(room.state.profile('UA', 'N1')?.values.seats, 180);
  });

  it('decides on an event without a subject by itself: no profile, no history', async () => {
    await room.activities.applyBatch(await room.write([event('e1', 1), event('e2', 2)]));
    const lone = { subject: undefined };
    const result = await room.activities.applyBatch(
      await room.write([event('e3', 3, lone), event('e4', 4, lone)]),
    );
    const rows = await room.decisionsOf(result);
    assert.deepEqual(
      rows.map(({ event_id, subject, rule, reason }) => [event_id, subject, rule, reason]),
      ['e3', 'e4'].flatMap((id) => [
        [id, null, 'third', 'aggregates.landings = 1'],
        [id, null, 'big', 'profile.seats is missing'],
      ]),
    );
  });

  it('applies a batch of which nothing is decided, and marks it', async () => {
    const batch = await room.write([event('e1', 1, { type: 'taxied' })]);
    assert.deepEqual(await room.activities.applyBatch(batch), { evaluated: 0, eligible: {} });
    assert.equal(room.state.applied('UA', batch.batchId)?.events, 1);
  });

  it('stays with the rules it was applied by when they change before a retry', async () => {
    const batch = await room.write([event('e1', 1)]);
    const first = await room.activities.applyBatch(batch);
    const rows = await room.decisionsOf(first);
    room.rules = rulesOf({ rules: [{ name: 'any', on: ['landed'], when: 'true' }] });
    const retried = await room.activities.applyBatch(batch);
    assert.deepEqual(retried, first);
    assert.deepEqual(await room.decisionsOf(retried), rows);
    const next = await room.activities.applyBatch(await room.write([event('e2', 2)]));
    assert.deepEqual(next.eligible, { any: 1 });
  });

  it('refuses for good what can never be applied', async () => {
    const [gone, torn] = [await room.write([event('e1', 1)]), await room.write([event('e2', 2)])];
    rmSync(room.batchStore.pathOf(gone));
    writeFileSync(room.batchStore.pathOf(torn), 'not what was written');
    const cases = [
      [gone, 'NOT_FOUND'],
      [torn, 'BATCH_CORRUPT'],
      [{ ...gone, stream: 'decisions' as const }, 'BATCH_CORRUPT'],
      [{ ...gone, tenant: '../UA' }, 'TENANT_ID_INVALID'],
      [{ ...gone, batchId: '../../etc' }, 'NOT_FOUND'],
    ] as const;
    for (const [batch, code] of cases) {
      await assert.rejects(room.activities.applyBatch(batch), { code, retryable: false });
    }
    assert.equal(room.state.revision('UA', 'events'), 0);
  });

  it('lets the process do other things while it applies a large batch', async () => {
    const events = Array.from({ length: 10_000 }, (_, n) =>
      event(`e${n}`, n % 60, { subject: `N${n % 500}` }),
    );
    const batch = await room.write(events);
    let turns = 0;
    let done = false;
    const turn = () => {
      turns += 1;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    const result = await room.activities.applyBatch(batch);
    done = true;
    assert.equal(result.evaluated, 20_000);
    assert.ok(turns >= 19, `${turns} turns of the event loop`);
  });
});

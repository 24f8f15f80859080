import assert from 'node:assert/strict';
import {
  STREAM_ENDING,
  type ClaimPlace,
  type LoadClaim,
  type LoadClaims,
} from '../../../src/stores/load-claims/load-claims.js';

/** A store of claims under test, empty. */
export interface ClaimsHarness {
  /** Another store over the same files, as another process has it. */
  open(): LoadClaims;
  /** Puts a file at a path below the root. */
  putAt(path: string, text: string): Promise<void>;
  /** The paths of all files below the root, sorted. */
  files(): Promise<string[]>;
}

const PLACE: ClaimPlace = { tenant: 'UA', stream: 'events', day: '2024-03-10', name: 'headgate_UA_1' };
const CLAIM: LoadClaim = { loadId: 'w1', warehouse: 'p.d@EU', batchIds: ['b1', 'b2'], rows: 3, bytes: 40 };
const FIRST_DAY = '0000-00-00';
const ofEvents = { tenant: 'UA', stream: 'events', from: FIRST_DAY } as const;

/** What every store of claims promises. To be called in a suite whose hooks make an empty store for each test. */
export function describeLoadClaims(harness: () => ClaimsHarness): void {
  it('are found by another process as they were written', async () => {
    assert.deepEqual(await harness().open().claim(PLACE, CLAIM), CLAIM);
    assert.deepEqual(await harness().open().list(ofEvents), [{ name: PLACE.name, ...CLAIM }]);
    assert.deepEqual(await harness().files(), ['UA/load-claims/events/2024-03-10/headgate_UA_1.json']);
  });

  it('are written once: one who comes later is told what is there', async () => {
    const claims = Array.from({ length: 6 }, (_, rows) => ({ ...CLAIM, rows }));
    const told = await Promise.all(claims.map((claim) => harness().open().claim(PLACE, claim)));
    const [first] = told;
    for (const each of told) assert.deepEqual(each, first);
    assert.deepEqual(await harness().open().claim(PLACE, CLAIM), first);
    assert.equal((await harness().files()).length, 1);
  });

  it('are listed from a day on, in the order of days, of one tenant and stream', async () => {
    const store = harness().open();
    assert.deepEqual(await store.list(ofEvents), []);
    for (const day of ['2024-03-11', '2024-03-09', '2024-03-10'])
      await store.claim({ ...PLACE, day, name: `of-${day}` }, CLAIM);
    await store.claim({ ...PLACE, tenant: 'DL', name: 'of-DL' }, CLAIM);
    await store.claim({ ...PLACE, stream: 'decisions', name: 'of-decisions' }, CLAIM);
    const listed = await store.list({ ...ofEvents, from: '2024-03-10' });
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['of-2024-03-10', 'of-2024-03-11'],
    );
    assert.equal((await store.list(ofEvents)).length, 3);
  });

  it('say when those of jobs were written, and leave out those of write streams', async () => {
    const store = harness().open();
    await store.claim(PLACE, CLAIM);
    const stream = {
      name: 'projects/p/datasets/d/tables/events/streams/s',
      loadedAt: '2024-03-10T12:00:00Z',
    };
    await store.claim({ ...PLACE, name: `${PLACE.name}${STREAM_ENDING}` }, { ...CLAIM, stream });
    assert.equal((await store.times(ofEvents)).length, 1);
    assert.equal((await store.list(ofEvents)).length, 2);
  });

  it('see those of other processes that come later', async () => {
    const store = harness().open();
    await store.list(ofEvents);
    await harness().open().claim(PLACE, CLAIM);
    assert.equal((await store.list(ofEvents)).length, 1);
  });

  it('pass over files of other names, and stop at one that is damaged', async () => {
    const store = harness().open();
    await store.claim(PLACE, CLAIM);
    await harness().putAt('UA/load-claims/events/2024-03-10/notes.txt', 'x');
    await harness().putAt('UA/load-claims/events/later/name.json', '{}');
    assert.equal((await harness().open().list(ofEvents)).length, 1);
    await harness().putAt('UA/load-claims/events/2024-03-10/other.json', '{"loadId":');
    await assert.rejects(harness().open().list(ofEvents), /other\.json is damaged/);
  });

  it('are deleted by days, of one tenant alone', async () => {
    const store = harness().open();
    for (const day of ['2024-03-09', '2024-03-10', '2024-03-11'])
      for (const stream of ['events', 'decisions'] as const)
        await store.claim({ ...PLACE, day, stream }, CLAIM);
    await store.claim({ ...PLACE, tenant: 'DL' }, CLAIM);
    await store.deleteThrough('UA', (day) => day <= '2024-03-10');
    await store.deleteThrough('nobody', () => true);
    assert.deepEqual(await harness().files(), [
      'DL/load-claims/events/2024-03-10/headgate_UA_1.json',
      'UA/load-claims/decisions/2024-03-11/headgate_UA_1.json',
      'UA/load-claims/events/2024-03-11/headgate_UA_1.json',
    ]);
  });

  for (const wrong of [
    { tenant: '../UA' },
    { tenant: '' },
    { name: '../x' },
    { name: '' },
    { name: 'a/b' },
    { day: '2024-03-10/..' },
    { stream: 'audit' as never },
  ])
    it(`reach no file at ${JSON.stringify(wrong)}`, async () => {
      await assert.rejects(
        harness()
          .open()
          .claim({ ...PLACE, ...wrong }, CLAIM),
      );
      assert.deepEqual(await harness().files(), []);
    });
}

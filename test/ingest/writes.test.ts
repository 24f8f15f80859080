import assert from 'node:assert/strict';
import { FINGERPRINT_BYTES } from '../../src/ingest/fingerprint.js';
import { FingerprintSet } from '../../src/ingest/fingerprint-set.js';
import { UnderWay } from '../../src/ingest/under-way.js';
import { gate, type Gate } from '../support/gate.js';

const printOf = (id: string): Buffer => Buffer.alloc(FINGERPRINT_BYTES, id);

function setOf(ids: readonly string[]): FingerprintSet {
  const prints = new FingerprintSet();
  for (const id of ids) prints.add(printOf(id), 0);
  return prints;
}

describe('the writes under way', () => {
  let writes: UnderWay<{ readonly prints: FingerprintSet; readonly done: Promise<void> }>;

  beforeEach(() => {
    writes = new UnderWay();
  });

  function begin(partition: string, ...ids: string[]): Gate {
    const done = gate();
    writes.add(partition, { prints: setOf(ids), done: done.passed });
    return done;
  }

  const idsOf = (partition: string): string[] =>
    ['a', 'b'].filter((id) =>
      [...(writes.of(partition) ?? [])].some(({ prints }) => prints.has(printOf(id), 0)),
    );
  const settled = (): Promise<void> => new Promise(setImmediate);

  it('are there until they are done, well or not, each partition’s apart', async () => {
    const [first, second, other] = [begin('UA', 'a'), begin('UA', 'b'), begin('DL', 'a')];
    assert.deepEqual([idsOf('UA'), idsOf('DL'), idsOf('AA')], [['a', 'b'], ['a'], []]);
    first.open();
    await settled();
    assert.deepEqual([idsOf('UA'), idsOf('DL')], [['b'], ['a']]);
    second.fail(new Error('the disk is full'));
    other.open();
    await settled();
    assert.deepEqual(
      [writes.of('UA'), writes.of('DL')],
      [undefined, undefined],
      'no partition is kept for nothing',
    );
  });

  it('can be waited for all together, also where some fail', async () => {
    await writes.settled();
    const gates = [begin('UA', 'a'), begin('DL', 'b')];
    let done = false;
    const waiting = writes.settled().then(() => (done = true));
    gates[0]?.fail(new Error('the disk is full'));
    await settled();
    assert.equal(done, false);
    gates[1]?.open();
    await waiting;
  });
});

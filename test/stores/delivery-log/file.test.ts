import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { HeadgateError } from '../../../src/errors.js';
import type {
  DeliveryEntry,
  DeliveryLog,
  DeliveryName,
} from '../../../src/stores/delivery-log/delivery-log.js';
import { createFileDeliveryLog } from '../../../src/stores/delivery-log/file.js';
import { DeliveryJournal, MAX_RESPONSE_BYTES } from '../../../src/stores/delivery-log/journal.js';
import { useTempDir } from '../../support/temp-dir.js';

const NAME: DeliveryName = {
  tenant: 'UA',
  subscription: 'hooks',
  batchId: '20240310-0123abcd-000000001',
  stream: 'events',
};

function entry(line: number, more: Partial<DeliveryEntry> = {}): DeliveryEntry {
  const at = '2024-03-10T12:00:00.000Z';
  return { line, event: `e-${line}`, attempt: 1, outcome: 'failed', at, status: 500, ms: 7, ...more };
}

describe('the delivery log on disk', () => {
  const dir = useTempDir();
  let log: DeliveryLog;

  beforeEach(() => {
    log = createFileDeliveryLog(dir());
  });

  it('gives the attempts of all passes, in their order', async () => {
    for (const pass of [10, 2, 1]) await log.write(NAME, pass, [entry(pass), entry(0, { response: 'é\n' })]);
    const read = await log.read(NAME);
    assert.deepEqual(
      read.map(({ pass, line }) => [pass, line]),
      [1, 2, 10].flatMap((pass) => [
        [pass, pass],
        [pass, 0],
      ]),
    );
    assert.equal(read[1]?.response, 'é\n');
  });

  it('keeps deliveries apart that differ in stream, priority or cause', async () => {
    const names: DeliveryName[] = [
      NAME,
      { ...NAME, stream: 'decisions' },
      { ...NAME, priority: 'high' },
      { ...NAME, cause: 'redrive-1' },
      { ...NAME, cause: 'redrive-1.1' },
      { ...NAME, subscription: 'others' },
    ];
    for (const [line, name] of names.entries()) await log.write(name, 1, [entry(line)]);
    for (const [line, name] of names.entries())
      assert.deepEqual(
        (await log.read(name)).map((each) => each.line),
        [line],
      );
  });

  it('replaces what a lost attempt of the pass has written', async () => {
    await log.write(NAME, 1, [entry(1), entry(2)]);
    await log.write(NAME, 1, [entry(3)]);
    assert.deepEqual(
      (await log.read(NAME)).map(({ line }) => line),
      [3],
    );
  });

  it('has nothing of a delivery without passes', async () => {
    assert.deepEqual(await log.read(NAME), []);
  });

  it('lets nothing into a path that is not checked', async () => {
    const bad: Partial<Record<keyof DeliveryName, unknown>>[] = [
      { tenant: '../UA' },
      { subscription: '../../x' },
      { batchId: '../x' },
      { stream: '../events' },
      { priority: '../high' },
      { priority: 'constructor' },
      { cause: '../redrive' },
    ];
    for (const part of bad) {
      const name = { ...NAME, ...part } as DeliveryName;
      const refused = (error: unknown): boolean =>
        error instanceof HeadgateError && ['TENANT_ID_INVALID', 'NOT_FOUND'].includes(error.code);
      await assert.rejects(log.read(name), refused, JSON.stringify(part));
      await assert.rejects(log.write(name, 1, []), refused, JSON.stringify(part));
    }
    for (const pass of [0, -1, 1.5, Number.NaN]) await assert.rejects(log.write(NAME, pass, []));
    assert.deepEqual(readdirSync(dir()), []);
  });
});

describe('the journal of a pass', () => {
  it('keeps 8 MB of answers, then says that one was left out', () => {
    const journal = new DeliveryJournal();
    const response = 'x'.repeat(1024 * 1024);
    for (let line = 0; line < 10; line++) journal.add(entry(line, { response }));
    journal.add(entry(10));
    const { entries } = journal;
    assert.equal(entries.length, 11);
    assert.equal(entries.map((each) => each.response ?? '').join('').length, MAX_RESPONSE_BYTES);
    assert.deepEqual(entries[9], entry(9, { responseOmitted: true }));
    assert.deepEqual(entries[10], entry(10));
  });
});

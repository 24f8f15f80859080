import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLine, type UsageLine } from '../../../src/stores/usage/lines.js';
import { createUsageRecorder, sharesOf } from '../../../src/stores/usage/recorder.js';
import { useTempDir } from '../../support/temp-dir.js';

const NOON = Date.parse('2024-03-10T12:00:00Z');

describe('the recorder of usage', () => {
  const dir = useTempDir();
  const directory = (): string => join(dir(), 'journals');

  function lines(): UsageLine[] {
    const texts = readdirSync(directory()).flatMap((name) =>
      readFileSync(join(directory(), name), 'utf8').split('\n').slice(0, -1),
    );
    return texts.flatMap((text) => readLine(text) ?? []);
  }

  it('has an entry on disk before it says so, and shares CPU time out by work', async () => {
    let cpu = 1_000;
    const recorder = createUsageRecorder({
      directory: directory(),
      cpuMicros: () => cpu,
      now: () => NOON,
      everyMs: 1_000_000,
      log: { warn: () => assert.fail('nothing is wrong') },
    });
    await recorder.counted([{ name: 'a', tenant: 'acme', day: '2024-03-10', figures: { events: 30 } }]);
    assert.equal(lines().length, 1);
    assert.match(lines()[0]?.print ?? '', /^[\w-]{16}$/);
    await recorder.count([{ name: 'b', tenant: 'shop', day: '2024-03-10', figures: { events: 10 } }]);
    recorder.spent('shop', 7.4);
    cpu += 4_001;
    await recorder.close();
    assert.deepEqual(lines().slice(2), [
      { tenant: 'acme', day: '2024-03-10', figures: { cpuMicros: 3_001, activityMicros: 0 } },
      { tenant: 'shop', day: '2024-03-10', figures: { cpuMicros: 1_000, activityMicros: 7 } },
    ]);
  });

  it('says of a disk that takes nothing, and goes on once it does', async () => {
    writeFileSync(directory(), 'in the way');
    const warned: unknown[] = [];
    const recorder = createUsageRecorder({ directory: directory(), log: { warn: (id) => warned.push(id) } });
    const entry = { name: 'a', tenant: 'acme', day: '2024-03-10', figures: { events: 1 } };
    await assert.rejects(recorder.counted([entry]), /EEXIST|ENOTDIR/);
    await recorder.count([entry]);
    assert.deepEqual(warned, ['USAGE_NOT_COUNTED']);
    rmSync(directory());
    mkdirSync(directory());
    await recorder.counted([entry]);
    assert.deepEqual(
      lines().map(({ figures }) => figures.events),
      [1],
    );
    await recorder.close();
  });

  it('shares out all of a whole number', () => {
    const shares = sharesOf(
      100,
      new Map([
        ['a', 1],
        ['b', 1],
        ['c', 1],
        ['d', 0],
      ] as const),
    );
    assert.deepEqual([...shares.keys()], ['a', 'b', 'c']);
    assert.equal(
      [...shares.values()].reduce((sum, share) => sum + share, 0),
      100,
    );
    assert.equal(sharesOf(100, new Map()).size, 0);
  });
});

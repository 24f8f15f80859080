import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Spool } from '../../src/ingest/spool.js';
import { event, linesOf } from '../support/events.js';
import { printUntil, type Printed, type PrintLimits } from '../support/print-until.js';
import { appendTo, recordOf } from '../support/records.js';
import { useTempDir } from '../support/temp-dir.js';

const FIXTURE = fileURLToPath(new URL('spool.fixture.ts', import.meta.url));

describe('the spool', () => {
  const dir = useTempDir();

  it('has every append that was acknowledged before the process was killed', async function () {
    this.timeout(20_000);
    for (const lines of [1, 300]) {
      const { printed, signal } = await appendUntil({ lines });
      assert.equal(signal, 'SIGKILL');
      assert.ok(printed.length >= lines);
      await assertKept(printed);
    }
  });

  it('has every append that was acknowledged before the disk was full', async function () {
    this.timeout(20_000);
    if (process.platform === 'win32') return this.skip();
    const { printed, code } = await appendUntil({ blocks: 12_000 });
    assert.notEqual(code, 0, 'nothing may be acknowledged from there on');
    assert.ok(printed.length > 100);
    await assertKept(printed);
  });

  /** Opens the spool, finds every acknowledged append in it, and empties it. */
  async function assertKept(acknowledged: readonly (readonly [seq: string, id: string])[]): Promise<void> {
    const spool = new Spool(dir());
    const found = new Map([...spool.held()].map((chunk) => [chunk.seq, chunk]));
    for (const [seq, id] of acknowledged) {
      const chunk = found.get(Number(seq));
      assert.ok(chunk !== undefined, id);
      const { events, decisions } = spool.read(chunk);
      assert.deepEqual(linesOf(events), [event(id, 0, { data: { pad: 'x'.repeat(500) } })]);
      assert.equal(decisions.content.toString(), `{"event_id":"${id}"}\n`);
    }
    assert.equal([...spool.keptPrints(0)].length >= found.size, true, 'with their fingerprints');
    assert.ok(
      (await appendTo(spool, ...recordOf('UA', 'events', [event('next', 0)]))).seq >
        Math.max(...found.keys()),
    );
    await spool.delete([...spool.held()]);
    await spool.close();
  }

  /** Runs the appending process. */
  async function appendUntil(
    limits: PrintLimits,
  ): Promise<Omit<Printed, 'lines'> & { printed: [string, string][] }> {
    const { lines, ...ended } = await printUntil(FIXTURE, [dir()], limits);
    return { ...ended, printed: lines.map((line) => line.split(' ') as [seq: string, id: string]) };
  }
});

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Chain } from '../../src/audit-log/chain.js';
import { auditLogPlaces } from '../../src/audit-log/files.js';
import { readEntries } from '../../src/audit-log/read.js';
import { verifyAuditLog } from '../../src/audit-log/verify.js';
import { kill } from '../support/kill.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const WRITER = fileURLToPath(new URL('writer.fixture.ts', import.meta.url));
const ROUNDS = 4;

describe('the audit log of processes that are killed', function () {
  this.timeout(120_000);
  const dir = useTempDir();
  let writers: ChildProcess[] = [];

  afterEach(async () => {
    for (const each of writers) await kill(each);
    writers = [];
  });

  /** Starts one; `last` is the last change that it has said to be in the log. */
  function startWriter(name: string): { child: ChildProcess; last: () => number } {
    const child = spawn(process.execPath, ['--import', 'tsx', WRITER, dir(), name]);
    writers.push(child);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    return { child, last: () => Number(said.split('\n').slice(0, -1).at(-1) ?? -1) };
  }

  it('has all that was said to be in it, in one chain, whoever wrote it', async () => {
    const places = auditLogPlaces(dir());
    for (let round = 0; round < ROUNDS; round++) {
      const names = [`A${round}`, `B${round}`];
      const two = names.map(startWriter);
      await until(() => assert.ok(two.every(({ last }) => last() > 5)), 60_000);
      await delay(17 * round);
      for (const { child } of two) await kill(child);
      await new Chain(places).append([{ act: 'after', kind: 'changes', role: 'command', outcome: 'ok' }]);
      const { entries } = await readEntries(places, {}, { maxEntries: 1e6, maxBytes: 1e9 });
      for (const [at, name] of names.entries()) {
        const own = entries
          .filter(({ tenant }) => tenant === name)
          .map(({ params }) => Number(params?.number));
        assert.ok(own.length > two[at]!.last(), `${own.length} of ${two[at]!.last()}`);
        assert.deepEqual(own, [...own.keys()]);
      }
    }
    await new Chain(places).sign();
    const { problems, entries } = await verifyAuditLog(places);
    assert.deepEqual(problems, []);
    assert.ok(entries > ROUNDS * 2 * 6);
  });
});

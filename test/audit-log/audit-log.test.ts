import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { AuditLog } from '../../src/audit-log/audit-log.js';
import type { Act, Entry } from '../../src/audit-log/entry.js';
import { auditLogPlaces, type AuditLogPlaces } from '../../src/audit-log/files.js';
import { readEntries } from '../../src/audit-log/read.js';
import { verifyAuditLog } from '../../src/audit-log/verify.js';
import { DAY_MS } from '../../src/platform/time.js';
import { recordedLog } from '../support/log.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const READ: Act = { act: 'listSubscriptions', kind: 'reads', role: 'tenant', tenant: 'UA', outcome: 'ok' };
const CHANGE: Act = { ...READ, act: 'pauseSubscription', kind: 'changes' };

describe('the audit log of a process', function () {
  this.timeout(60_000);
  const dir = useTempDir();
  const places = (): AuditLogPlaces => auditLogPlaces(dir());
  const entries = async (): Promise<readonly Entry[]> =>
    (await readEntries(places(), {}, { maxEntries: 1e6, maxBytes: 1e9 })).entries;
  let recorded: ReturnType<typeof recordedLog>;
  let log: AuditLog;

  beforeEach(async () => {
    recorded = recordedLog();
    log = new AuditLog({ places: places(), keepMs: DAY_MS, log: recorded.log });
    await log.open();
  });
  afterEach(() => log.close());

  it('has a change once it resolves, with what was noted before it', async () => {
    log.note(READ);
    assert.deepEqual(await entries(), []);
    await log.change(CHANGE);
    assert.deepEqual(
      (await entries()).map(({ act }) => act),
      [READ.act, CHANGE.act],
    );
  });

  it('writes many changes at once in few groups, in their order', async () => {
    const params = Array.from({ length: 200 }, (_, number) => ({ number: String(number) }));
    await Promise.all(params.map((each) => log.change({ ...CHANGE, params: each })));
    assert.deepEqual(
      (await entries()).map((entry) => entry.params),
      params,
    );
  });

  it('writes what nobody waits for after a second', async () => {
    log.note(READ);
    await until(async () => assert.equal((await entries()).length, 1), 10_000);
  });

  it('is signed when it is closed', async () => {
    await log.change(CHANGE);
    await log.close();
    const { problems: found, head, last } = await verifyAuditLog(places());
    assert.deepEqual([found, head?.seq, head?.hash], [[], 1, last?.hash]);
    const signed = recorded.lines.filter(({ id }) => id === 'AUDIT_LOG_SIGNED');
    assert.deepEqual(
      signed.map(({ head: said }) => said),
      [`1:${last?.hash}`],
    );
  });

  it('drops what nobody waits for when there is no room, counts it, and refuses changes before they are made', async () => {
    for (let noted = 0; noted < 5_010; noted++) log.note(READ);
    assert.throws(() => log.assertWritable(), { code: 'AUDIT_LOG_UNAVAILABLE' });
    await log.flush();
    log.assertWritable();
    const written = await entries();
    assert.deepEqual(
      [written.length, written.at(-1)?.act, written.at(-1)?.count],
      [5_001, 'audit-log.dropped', 10],
    );
  });

  it('keeps what cannot be written, says so once, and refuses changes until it can', async () => {
    await log.change(CHANGE);
    rmSync(places().directory, { recursive: true });
    writeFileSync(places().directory, 'no directory');
    for (let tries = 0; tries < 2; tries++)
      await assert.rejects(log.change({ ...CHANGE, params: { tries: String(tries) } }), {
        code: 'AUDIT_LOG_UNAVAILABLE',
        retryable: true,
      });
    assert.throws(() => log.assertWritable(), { code: 'AUDIT_LOG_UNAVAILABLE' });
    rmSync(places().directory);
    mkdirSync(places().directory);
    const again = (): boolean => recorded.lines.some(({ id }) => id === 'AUDIT_LOG_WRITTEN_AGAIN');
    await until(() => assert.ok(again()), 10_000);
    log.assertWritable();
    assert.deepEqual(
      (await entries()).map(({ params }) => params),
      [{ tries: '0' }, { tries: '1' }],
    );
    assert.equal(recorded.lines.filter(({ id }) => id === 'AUDIT_LOG_FAILED').length, 1);
  });
});

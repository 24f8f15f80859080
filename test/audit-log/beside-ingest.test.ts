import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { auditLogPlaces, fileOf } from '../../src/audit-log/files.js';
import { dayOf } from '../../src/platform/time.js';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';
import { until } from '../support/until.js';

const REQUESTS = 200;

describe('an audit log that cannot be written', function () {
  this.timeout(60_000);
  let api: TestApi;

  beforeEach(async () => {
    api = await startTestApi();
  });
  afterEach(() => api.close());

  /** Sends events, and between them requests that the log notes, since they are refused. */
  async function ingestAndNote(): Promise<void> {
    const readsNothing = await api.token({ scope: 'events:write' });
    for (let sent = 0; sent < REQUESTS; sent++) {
      const [posted, refused] = await Promise.all([
        api.post(JSON.stringify([cloudEvent(`e-${sent}`)])),
        api.get('/v1/audit-log', readsNothing),
      ]);
      assert.deepEqual([posted.status, posted.body.accepted, refused.status], [202, 1, 403]);
    }
    await api.drained();
    assert.equal(api.events().length, REQUESTS);
  }

  it('as its disk takes nothing, holds up no event, and has what was noted once the disk takes it', async () => {
    const { directory } = auditLogPlaces(api.dir);
    rmSync(directory, { recursive: true, force: true });
    writeFileSync(directory, 'no directory');
    await ingestAndNote();
    await until(() => assert.ok(api.faults.some((line) => line.includes('AUDIT_LOG_FAILED'))), 10_000);
    rmSync(directory);
    mkdirSync(directory);
    const refused = async (): Promise<number> =>
      (await api.audited())
        .filter(({ outcome, act }) => outcome === 'refused' && act === 'listAuditLog')
        .reduce((sum, { count = 1 }) => sum + count, 0);
    await until(async () => assert.equal(await refused(), REQUESTS), 10_000);
  });

  it('as its disk hangs, holds up no event', async () => {
    const file = fileOf(auditLogPlaces(api.dir), dayOf(Date.now()));
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    // Who opens it waits until somebody opens its other end.
    execFileSync('mkfifo', [file]);
    const readsNothing = await api.token({ scope: 'events:write' });
    assert.equal((await api.get('/v1/audit-log', readsNothing)).status, 403);
    const hung = api.audited();
    for (let sent = 0; sent < REQUESTS; sent++) {
      const { status, body } = await api.post(JSON.stringify([cloudEvent(`h-${sent}`)]));
      assert.deepEqual([status, body.accepted], [202, 1]);
    }
    await api.drained();
    assert.equal(api.events().length, REQUESTS);
    assert.equal(await Promise.race([hung.then(() => 'written'), Promise.resolve('waits')]), 'waits');
    // Both ends: whichever way it was opened, it goes on, and finds that this is no file to append to.
    const ends = await open(file, constants.O_RDWR | constants.O_NONBLOCK);
    rmSync(file);
    await hung.catch(() => undefined);
    await ends.close();
  });
});

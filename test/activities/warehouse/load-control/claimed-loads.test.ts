import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimedLoads } from '../../../../src/activities/warehouse/load-control/claimed-loads.js';
import type { Stream } from '../../../../src/events/event.js';
import { createFileLoadClaims } from '../../../../src/stores/load-claims/file.js';
import { createGcsLoadClaims } from '../../../../src/stores/load-claims/gcs.js';
import type { LoadClaims } from '../../../../src/stores/load-claims/load-claims.js';
import { skipWithoutFakeGcs, startFakeGcs, type FakeGcs } from '../../../support/fake-gcs.js';

const NOW = Date.UTC(2026, 2, 1, 12);

let claimed = 0;

async function claim(claims: LoadClaims, tenant: string, stream: Stream, day: string): Promise<string> {
  claimed += 1;
  const name = `c${claimed}`;
  const own = { loadId: name, warehouse: 'acme.events@EU', batchIds: [], rows: 1, bytes: 1 };
  await claims.claim({ tenant, stream, day, name }, own);
  return name;
}

describe('the loads that are claimed', () => {
  let dir: string;
  let claims: LoadClaims;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-claimed-'));
    claims = createFileLoadClaims(dir);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** A claim of a load that was asked for on a day, written at a time. */
  async function claimAt(tenant: string, stream: Stream, day: string, at: number): Promise<void> {
    const name = await claim(claims, tenant, stream, day);
    const folder = join(dir, tenant, 'load-claims', stream, day);
    assert.ok(readdirSync(folder).includes(`${name}.json`));
    utimesSync(join(folder, `${name}.json`), at / 1000, at / 1000);
  }

  it('are told with their tables and times, since when is asked for, and of no other tenant', async () => {
    await claimAt('UA', 'events', '2026-03-01', NOW);
    await claimAt('UA', 'events', '2026-03-01', NOW - 1_000);
    await claimAt('UA', 'decisions', '2026-03-01', NOW + 1_000);
    await claimAt('DL', 'events', '2026-03-01', NOW);
    assert.deepEqual(await claimedLoads(claims)('UA', NOW), [
      { stream: 'events', at: NOW },
      { stream: 'decisions', at: NOW + 1_000 },
    ]);
  });

  it('are those that had to wait for a day or two as well', async () => {
    await claimAt('UA', 'events', '2026-02-27', NOW);
    assert.equal((await claimedLoads(claims)('UA', NOW)).length, 1);
  });

  it('are none of a tenant that has none', async () => {
    assert.deepEqual(await claimedLoads(claims)('UA', 0), []);
  });
});

describe('the loads that are claimed in a bucket', function () {
  this.timeout(30_000);
  let server: FakeGcs | undefined;

  before(async function () {
    skipWithoutFakeGcs(this);
    server = await startFakeGcs();
  });
  after(() => server?.stop());

  it('are told by when their objects were written', async () => {
    const claims = createGcsLoadClaims({
      bucket: 'headgate-test',
      prefix: 'acme/v1',
      endpoint: server?.endpoint,
    });
    const began = Date.now();
    const day = new Date(began).toISOString().slice(0, 10);
    await claim(claims, 'UA', 'events', day);
    await claim(claims, 'UA', 'decisions', day);
    await claim(claims, 'DL', 'events', day);
    const loads = await claimedLoads(claims)('UA', began - 60_000);
    assert.deepEqual(loads.map(({ stream }) => stream).sort(), ['decisions', 'events']);
    assert.ok(loads.every(({ at }) => Math.abs(at - began) < 60_000));
  });
});

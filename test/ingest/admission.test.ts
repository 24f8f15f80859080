import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ErrorCode, HeadgateError } from '../../src/errors.js';
import { Admission, type AdmissionOptions } from '../../src/ingest/admission.js';
import { cloudEvent, startTestApi } from '../support/api.js';

const MB = 1_000_000;

describe('admission', () => {
  let now: number;
  let backlog: Record<string, number>;
  let spoolBytes: number;
  let freeDiskBytes: number;
  let admission: Admission;

  function createAdmission(limits: Partial<ReturnType<AdmissionOptions['limitsOf']>> = {}): Admission {
    return new Admission({
      limitsOf: () => ({ eventsPerSecond: 100, bytesPerSecond: MB, ...limits }),
      backlogOf: (tenant) => ({ bytes: backlog[tenant] ?? 0 }),
      spoolBytes: () => spoolBytes,
      maxSpoolBytes: 100 * MB,
      freeDiskBytes: () => freeDiskBytes,
      minFreeDiskBytes: 10 * MB,
      now: () => now,
    });
  }

  beforeEach(() => {
    now = 1_000_000;
    backlog = {};
    spoolBytes = 0;
    freeDiskBytes = 1_000 * MB;
    admission = createAdmission();
  });

  /** Seconds to wait, as a refused request is told; undefined when it is let in. */
  function refusal(
    tenant: string,
    events: number,
    bytes = 0,
  ): { code: ErrorCode; seconds?: number } | undefined {
    try {
      admission.admit(tenant, events, bytes);
      return undefined;
    } catch (error) {
      const { code, retryable, retryAfterSeconds: seconds } = error as HeadgateError;
      assert.ok(retryable);
      return { code, seconds };
    }
  }

  const limited = (seconds: number): object => ({ code: 'TENANT_RATE_LIMITED', seconds });

  it('lets in a burst of two seconds, then asks to wait for as long as it takes', () => {
    assert.equal(refusal('UA', 200), undefined);
    assert.deepEqual(refusal('UA', 100), limited(1));
    assert.deepEqual(refusal('UA', 101), limited(2));
    assert.deepEqual(refusal('UA', 1), limited(1), 'never 0, which would mean "at once"');
    now += 999;
    assert.deepEqual(refusal('UA', 100), limited(1));
    now += 1;
    assert.equal(refusal('UA', 100), undefined);
    assert.deepEqual(refusal('UA', 1), limited(1));
  });

  it('counts bytes like events', () => {
    assert.equal(refusal('UA', 1, 2 * MB), undefined);
    assert.deepEqual(refusal('UA', 1, MB / 2), limited(1));
    now += 500;
    assert.equal(refusal('UA', 1, MB / 2), undefined);
  });

  it('lets in a request larger than the bucket once that is full, and makes up for it afterwards', () => {
    assert.equal(refusal('UA', 1_000), undefined);
    assert.deepEqual(refusal('UA', 1), limited(9), '800 in debt, at 100 a second, and one more');
    assert.deepEqual(refusal('UA', 1_000), limited(10), 'until it is full again');
    now += 10_000;
    assert.equal(refusal('UA', 1_000), undefined);
  });

  it('charges a refused request nothing', () => {
    assert.equal(refusal('UA', 150), undefined);
    for (let n = 0; n < 100; n++) assert.notEqual(refusal('UA', 100), undefined);
    assert.equal(refusal('UA', 50), undefined);
  });

  it('holds no more than the burst, however long nothing came', () => {
    assert.equal(refusal('UA', 1), undefined);
    now += 24 * 3_600_000;
    assert.equal(refusal('UA', 200), undefined);
    assert.notEqual(refusal('UA', 1), undefined);
  });

  it('is not confused by a clock that goes back', () => {
    assert.equal(refusal('UA', 200), undefined);
    now -= 3_600_000;
    assert.deepEqual(refusal('UA', 100), limited(1));
    now += 1_000;
    assert.equal(refusal('UA', 100), undefined);
  });

  it('lets one tenant in while another is over its rate', () => {
    assert.equal(refusal('UA', 1_000_000), undefined);
    assert.notEqual(refusal('UA', 1), undefined);
    assert.equal(refusal('DL', 200), undefined);
  });

  it('never lets in more than the rate and one burst allow, while requests fit the bucket', () => {
    const request = fc.record({ afterMs: fc.nat(2_000), events: fc.integer({ min: 1, max: 200 }) });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 100 }), (requests) => {
        admission = createAdmission({ bytesPerSecond: 1e12 });
        const start = now;
        let events = 0;
        for (const each of requests) {
          now += each.afterMs;
          if (refusal('UA', each.events) === undefined) events += each.events;
        }
        assert.ok(events <= 200 + ((now - start) / 1_000) * 100 + 1e-6);
      }),
    );
  });

  it('lets in the same request after the time it named', () => {
    const requests = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(requests, (sizes) => {
        admission = createAdmission();
        for (const events of sizes) {
          const refused = refusal('UA', events);
          now += (refused?.seconds ?? 0) * 1_000;
          if (refused !== undefined) assert.equal(refusal('UA', events), undefined);
        }
      }),
    );
  });

  it('refuses the tenant alone whose batches are stuck: a quarter of the spool is its share', () => {
    backlog.UA = 25 * MB;
    assert.equal(refusal('UA', 1, 1)?.code, 'TENANT_BACKLOG_FULL');
    assert.equal(refusal('DL', 1, 1), undefined);
    backlog.UA = 25 * MB - 1;
    assert.equal(refusal('UA', 1, 1), undefined);
  });

  it('refuses everyone when the spool is full', () => {
    spoolBytes = 100 * MB;
    for (const tenant of ['UA', 'DL']) assert.equal(refusal(tenant, 1, 1)?.code, 'OVERLOADED');
    spoolBytes = 100 * MB - 1;
    assert.equal(refusal('UA', 1, 1), undefined);
  });

  it('refuses everyone when the disk is nearly full', () => {
    freeDiskBytes = 10 * MB - 1;
    for (const tenant of ['UA', 'DL']) assert.equal(refusal(tenant, 1)?.code, 'DISK_FULL');
    freeDiskBytes = 10 * MB;
    assert.equal(refusal('UA', 1), undefined);
  });

  it('forgets a tenant that is gone', () => {
    refusal('UA', 1_000);
    admission.forget('UA');
    assert.equal(refusal('UA', 200), undefined);
  });
});

describe('a request that is not admitted', () => {
  const events = (count: number, prefix: string): string =>
    JSON.stringify(Array.from({ length: count }, (_, n) => cloudEvent(`${prefix}${n}`)));

  it('is answered 429 with Retry-After, takes nothing, and leaves the other tenant alone', async () => {
    const api = await startTestApi({ limits: { eventsPerSecond: 10, bytesPerSecond: 1e9 } });
    assert.equal((await api.post(events(20, 'a'))).status, 202);
    const refused = await api.post(events(20, 'b'));
    assert.deepEqual([refused.status, refused.body.code], [429, 'TENANT_RATE_LIMITED']);
    assert.equal(refused.headers.get('retry-after'), '2');
    const other = await api.post(events(20, 'b'), { token: await api.token({ tenant: 'DL' }) });
    assert.equal(other.body.accepted, 20);
    await api.drained();
    assert.equal(api.events('UA').length, 20);
    await api.close();
  });

  it('is answered 503 with Retry-After when spool or disk are full', async () => {
    let freeDiskBytes = 0;
    const api = await startTestApi({ freeDiskBytes: () => freeDiskBytes, maxSpoolBytes: 100_000 });
    const noDisk = await api.post(events(1, 'a'));
    assert.deepEqual(
      [noDisk.status, noDisk.body.code, noDisk.headers.get('retry-after')],
      [503, 'DISK_FULL', '30'],
    );
    freeDiskBytes = 1e12;
    const noSpool = await api.post(events(2_000, 'a'));
    assert.deepEqual(
      [noSpool.status, noSpool.body.code, noSpool.headers.get('retry-after')],
      [503, 'OVERLOADED', '10'],
    );
    assert.equal((await api.post(events(1, 'a'))).body.accepted, 1, 'and it takes events again afterwards');
    await api.close();
  });
});

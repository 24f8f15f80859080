import assert from 'node:assert/strict';
import type { QueueBacklog } from '../../../src/temporal/queue-backlog.js';
import type { ErrorCode, HeadgateError } from '../../../src/errors.js';
import {
  Admission,
  type AdmissionOptions,
  type EngineStatus,
} from '../../../src/ingest/admission/admission.js';
import type { Permit } from '../../../src/ingest/admission/permit.js';

const MB = 1_000_000;

describe('admission', () => {
  let now: number;
  let backlog: Record<string, { bytes: number; oldestAt?: number }>;
  let spoolBytes: number;
  let freeDiskBytes: number;
  let engine: EngineStatus;
  let tenantQueues: Record<string, QueueBacklog>;
  let admission: Admission;

  beforeEach(() => {
    now = 1_000_000;
    backlog = {};
    spoolBytes = 0;
    freeDiskBytes = 1_000 * MB;
    engine = { reachableSince: 0 };
    tenantQueues = {};
    admission = createAdmission();
  });

  function createAdmission(more: Partial<AdmissionOptions> = {}): Admission {
    return new Admission({
      limitsOf: () => ({ eventsPerSecond: 100, bytesPerSecond: MB, requestsPerSecond: 1_000 }),
      backlogOf: (tenant) => backlog[tenant] ?? { bytes: 0 },
      spoolBytes: () => spoolBytes,
      maxSpoolBytes: 100 * MB,
      maxInFlightBytes: 10 * MB,
      freeDiskBytes: () => freeDiskBytes,
      minFreeDiskBytes: 10 * MB,
      engine: () => engine,
      queueBacklogOf: (tenant) => tenantQueues[tenant],
      now: () => now,
      ...more,
    });
  }

  function letIn(tenant: string, events: number, bytes = 0): void {
    const permit = admission.admit(tenant, bytes);
    permit.charge(events, bytes);
    permit.release();
  }

  /** The code and the seconds to wait that a refused request is told; undefined when it is let in. */
  function refused(ask: () => unknown): [ErrorCode, number | undefined] | undefined {
    try {
      ask();
      return undefined;
    } catch (error) {
      const { code, retryable, retryAfterSeconds: seconds } = error as HeadgateError;
      assert.ok(retryable);
      return [code, seconds];
    }
  }

  const answer = (tenant: string, bytes = 0) =>
    refused(() => {
      admission.admit(tenant, bytes).release();
    });

  it('charges a request for what it held, and has the next one wait until that is paid back', () => {
    letIn('UA', 1_000);
    assert.deepEqual(answer('UA'), ['TENANT_RATE_LIMITED', 9]);
    assert.equal(answer('DL'), undefined, 'another tenant is not held up');
    letIn('DL', 1, 5 * MB);
    assert.deepEqual(answer('DL'), ['TENANT_RATE_LIMITED', 4], 'bytes count like events');
  });

  it('charges a refused request nothing, and one that could not be understood for its bytes', () => {
    letIn('UA', 200);
    for (let n = 0; n < 100; n++) assert.deepEqual(answer('UA'), ['TENANT_RATE_LIMITED', 1]);
    now += 10;
    assert.equal(answer('UA'), undefined);
    const permit = admission.admit('UA', 0);
    permit.received(4 * MB);
    permit.release();
    assert.deepEqual(answer('UA'), ['TENANT_RATE_LIMITED', 3]);
  });

  it('tells what is left of each quota', () => {
    letIn('UA', 50, 500);
    const quotas = admission.quotasOf('UA');
    assert.deepEqual(quotas, [
      { name: 'events', limit: 200, windowSeconds: 2, remaining: 150, waitSeconds: 0 },
      { name: 'bytes', limit: 2 * MB, windowSeconds: 2, remaining: 2 * MB - 500, waitSeconds: 0 },
      { name: 'requests', limit: 2_000, windowSeconds: 2, remaining: 2_000, waitSeconds: 0 },
    ]);
    letIn('UA', 1_150);
    const [events] = admission.quotasOf('UA');
    assert.deepEqual([events?.remaining, events?.waitSeconds], [0, 11]);
  });

  describe('bounds the bytes in memory', () => {
    const hold = (tenant: string, bytes: number): Permit => admission.admit(tenant, bytes);

    it('so that one tenant alone gets half of them, and the rest is there for others', () => {
      const held = [hold('UA', 2.5 * MB), hold('UA', 2.5 * MB)];
      assert.deepEqual(
        refused(() => hold('UA', 1)),
        ['TENANT_IN_FLIGHT_FULL', 1],
      );
      held.push(hold('DL', 4 * MB));
      assert.deepEqual(
        refused(() => hold('DL', 1 * MB)),
        ['TENANT_IN_FLIGHT_FULL', 1],
      );
      held.push(hold('AA', 1 * MB));
      assert.deepEqual(
        refused(() => hold('B6', 1)),
        ['OVERLOADED', 1],
      );
      for (const permit of held) permit.release();
      assert.equal(admission.inFlightBytes, 0);
      assert.equal(answer('UA', 4 * MB), undefined);
    });

    it('whether they are announced or come unannounced', () => {
      const permits = Array.from({ length: 10 }, () => hold('UA', 0));
      const outcomes = permits.map((permit) => refused(() => permit.received(1 * MB))?.[0]);
      assert.equal(outcomes.filter((outcome) => outcome === undefined).length, 5);
      assert.equal(outcomes.filter((outcome) => outcome === 'TENANT_IN_FLIGHT_FULL').length, 5);
      assert.equal(admission.inFlightBytes, 5 * MB);
      for (const permit of permits) permit.release();
      assert.equal(admission.inFlightBytes, 0);
    });

    it('and counts an announced body once', () => {
      const permit = hold('UA', 3 * MB);
      for (const bytes of [1, 2, 3]) permit.received(bytes * MB);
      assert.equal(admission.inFlightBytes, 3 * MB);
      permit.received(4 * MB);
      assert.equal(admission.inFlightBytes, 4 * MB);
      permit.release();
      assert.equal(admission.inFlightBytes, 0);
    });
  });

  describe('refuses the tenant alone', () => {
    it('whose batches are stuck: a quarter of the spool is its share', () => {
      backlog.UA = { bytes: 25 * MB };
      assert.deepEqual(answer('UA', 1), ['TENANT_BACKLOG_FULL', 10], 'nothing has been measured yet');
      assert.equal(answer('DL', 1), undefined);
      backlog.UA = { bytes: 25 * MB - 1 };
      assert.equal(answer('UA', 1), undefined);
    });

    it('counting what is on its way into the spool', () => {
      backlog.UA = { bytes: 22 * MB };
      const permit = admission.admit('UA', 3 * MB);
      assert.equal(answer('UA', 1)?.[0], 'TENANT_BACKLOG_FULL');
      permit.release();
      assert.equal(answer('UA', 1), undefined);
    });

    it('for as long as its own backlog will take to drain, as measured', () => {
      for (let n = 0; n < 600; n++) {
        now += 100;
        admission.drained('UA', MB / 10);
        admission.drained('DL', 1e9);
      }
      backlog.UA = { bytes: 45 * MB };
      const [code, seconds] = answer('UA') ?? [];
      assert.equal(code, 'TENANT_BACKLOG_FULL');
      assert.ok(seconds !== undefined && seconds >= 18 && seconds <= 23, `${seconds}, not about 20`);
      now += 120_000;
      assert.deepEqual(answer('UA'), ['TENANT_BACKLOG_FULL', 60], 'nothing drains any more');
    });

    it('whose oldest event has waited for more than ten minutes, but not for want of Temporal', () => {
      now = 10_000_000;
      backlog.UA = { bytes: 1, oldestAt: now - 600_000 };
      assert.equal(answer('UA'), undefined);
      backlog.UA = { bytes: 1, oldestAt: now - 600_001 };
      assert.equal(answer('UA')?.[0], 'TENANT_BACKLOG_FULL');
      assert.equal(answer('DL'), undefined);
      engine = { awaySince: now - 700_000 };
      assert.equal(answer('UA'), undefined);
      engine = { reachableSince: now - 599_000 };
      assert.equal(answer('UA'), undefined, 'it has just come back');
    });

    it('whose queue on Temporal is long or stands still', () => {
      tenantQueues.UA = { tasks: 1_000, ageMs: 3_600_000, tasksPerSecond: 0 };
      assert.equal(answer('UA'), undefined);
      tenantQueues.UA = { tasks: 1_040, ageMs: 0, tasksPerSecond: 2 };
      assert.deepEqual(answer('UA'), ['TENANT_BACKLOG_FULL', 20]);
      tenantQueues.UA = { tasks: 1, ageMs: 3_600_001, tasksPerSecond: 0 };
      assert.deepEqual(answer('UA'), ['TENANT_BACKLOG_FULL', 60]);
      assert.equal(answer('DL'), undefined);
      tenantQueues.UA = { tasks: 0, ageMs: 3_600_001, tasksPerSecond: 0 };
      assert.equal(answer('UA'), undefined);
    });
  });

  describe('refuses everyone', () => {
    it('when the spool is full, for as long as it will take to drain', () => {
      spoolBytes = 100 * MB;
      for (const tenant of ['UA', 'DL']) assert.deepEqual(answer(tenant, 1), ['OVERLOADED', 10]);
      spoolBytes = 100 * MB - 1;
      assert.equal(answer('UA', 1), undefined);
      for (let n = 0; n < 600; n++) {
        now += 100;
        admission.drained('UA', MB / 10);
      }
      spoolBytes = 130 * MB;
      const [code, seconds] = answer('DL') ?? [];
      assert.equal(code, 'OVERLOADED');
      assert.ok(seconds !== undefined && seconds >= 27 && seconds <= 34, `${seconds}, not about 30`);
    });

    it('when the disk is nearly full', () => {
      freeDiskBytes = 10 * MB - 1;
      for (const tenant of ['UA', 'DL']) assert.deepEqual(answer(tenant), ['DISK_FULL', 30]);
      freeDiskBytes = 10 * MB;
      assert.equal(answer('UA'), undefined);
    });

    it('when Temporal is away and the spool will not hold much longer, but not before', () => {
      const tenants = Array.from({ length: 40 }, (_, n) => `T${n}`);
      /** Ten seconds at 5 MB/s. */
      const flow = (): void => {
        for (let n = 0; n < 100; n++) {
          now += 100;
          letIn(tenants[n % 40] as string, 1, MB / 2);
        }
      };
      flow();
      engine = { awaySince: now };
      spoolBytes = 70 * MB;
      assert.equal(answer('UA'), undefined, '30 MB are left, which is six seconds');
      spoolBytes = 80 * MB;
      now += 1;
      assert.deepEqual(answer('UA'), ['ENGINE_UNAVAILABLE', 5]);
      engine = { awaySince: now - 120_000 };
      assert.deepEqual(answer('UA'), ['ENGINE_UNAVAILABLE', 30], 'away for long, likely to stay so');
      engine = { reachableSince: now };
      assert.equal(answer('UA'), undefined);
    });
  });

  it('forgets a tenant that is gone', () => {
    letIn('UA', 1_000);
    admission.forget('UA');
    assert.equal(answer('UA'), undefined);
  });
});

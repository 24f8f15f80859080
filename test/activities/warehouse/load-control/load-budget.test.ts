import assert from 'node:assert/strict';
import type { PastLoadJob } from '../../../../src/activities/warehouse/load-control/job-counts.js';
import { LoadBudget } from '../../../../src/activities/warehouse/load-control/load-budget.js';
import { HeadgateError } from '../../../../src/errors.js';
import type { Stream } from '../../../../src/events/event.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const START = Date.UTC(2026, 2, 1);

describe('the budget of load jobs', () => {
  let now: number;
  let projects: Map<string, string>;
  let noted: Map<string, PastLoadJob[]>;
  let warned: string[];
  let budget: LoadBudget;

  beforeEach(() => {
    now = START;
    projects = new Map([
      ['UA', 'one'],
      ['DL', 'one'],
      ['AA', 'one'],
      ['BA', 'two'],
    ]);
    noted = new Map();
    warned = [];
    budget = open();
  });
  afterEach(() => budget.close());

  /** Each stands for a process of its own. */
  function open(): LoadBudget {
    return new LoadBudget({
      tenants: () => [...projects].map(([tenant, project]) => ({ tenant, project })),
      loadsSince: (tenant, since) =>
        Promise.resolve((noted.get(tenant) ?? []).filter(({ at }) => at >= since)),
      log: { warn: (id) => void warned.push(id), info: () => undefined },
      now: () => now,
    });
  }

  const of = (tenant: string) => ({ tenant, project: projects.get(tenant)! });

  function submit(tenant: string, jobs: number, stream: Stream = 'events', by = budget): void {
    for (let job = 0; job < jobs; job += 1) {
      by.submitted({ ...of(tenant), stream });
      noted.set(tenant, [...(noted.get(tenant) ?? []), { stream, at: now }]);
    }
  }

  /** More than a table takes: loads of another one then show what the project has to say. */
  function submitMany(tenant: string, jobs: number): void {
    for (let job = 0; job < jobs; job += 1) budget.submitted({ ...of(tenant), stream: 'events' });
  }

  /** The error that a load gets; undefined when it may begin. */
  async function held(
    tenant: string,
    streams: readonly Stream[] = ['events'],
    by = budget,
  ): Promise<HeadgateError | undefined> {
    try {
      await by.hold(of(tenant), streams);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof HeadgateError && error.code === 'WAREHOUSE_QUOTA' && error.retryable);
      return error;
    }
  }

  it('lets loads begin while there is room', async () => {
    submit('UA', 1_399);
    assert.equal(await held('UA'), undefined);
    assert.deepEqual(warned, []);
  });

  it('holds back the loads of a table that has had 1,400 in 24 hours, and of no other table or tenant', async () => {
    submit('UA', 1_400);
    const error = await held('UA');
    assert.match(
      error?.message ?? '',
      /UA has used 1400 of the 1500 load jobs .* its events in 24 hours\. Nothing is lost/,
    );
    assert.equal(error?.retryAfterSeconds, 15 * 60);
    assert.equal(await held('UA', ['decisions']), undefined);
    assert.ok(await held('UA', ['decisions', 'events']));
    assert.equal(await held('DL'), undefined);
  });

  it('asks again as soon as some pass out of the 24 hours, and lets go on then', async () => {
    submit('UA', 700);
    now += 12 * HOUR_MS;
    submit('UA', 700);
    // The first hour's pass out within an hour: one every 5 s.
    now = START + 24 * HOUR_MS;
    const error = await held('UA');
    assert.equal(error?.retryAfterSeconds, 30);
    now += 30_000;
    assert.equal(await held('UA'), undefined);
  });

  it('tells once that loads wait, however many there are', async () => {
    submit('UA', 1_400);
    for (let load = 0; load < 5; load += 1) {
      assert.ok(await held('UA'));
      now += 15 * MINUTE_MS;
    }
    assert.deepEqual(warned, ['LOADS_WAIT_FOR_QUOTA']);
  });

  describe('of a project that is nearly used up', () => {
    beforeEach(() => {
      submitMany('UA', 70_000);
      submitMany('DL', 15_000);
      submitMany('AA', 4_999);
    });

    it('holds back who has had more than an equal share, and nobody else', async () => {
      assert.equal(await held('UA', ['decisions']), undefined, 'at 89,999');
      submitMany('AA', 1);
      const error = await held('UA', ['decisions']);
      assert.match(error?.message ?? '', /^Project one has used 90000 of the 100000 load jobs/);
      assert.match(error?.message ?? '', /tenant UA has had 70000, of 3 tenants/);
      for (const tenant of ['DL', 'AA', 'BA'])
        assert.equal(await held(tenant, ['decisions']), undefined, tenant);
    });

    it('counts a share by the tenants that have loads at all', async () => {
      projects.set('LH', 'one');
      projects.set('AF', 'one');
      submitMany('AA', 1);
      submitMany('DL', 8_000);
      // 30,000 each; tenants that load nothing have no share, or it would be 18,000.
      assert.equal(await held('DL', ['decisions']), undefined, 'at 23,000');
      assert.ok(await held('UA', ['decisions']));
    });

    it('holds back all when next to nothing is left, but no other project', async () => {
      submitMany('DL', 9_001);
      assert.ok(await held('AA', ['decisions']));
      assert.equal(await held('BA'), undefined);
    });
  });

  it('knows after a start what has been submitted before it, and by others when it looks again', async () => {
    assert.equal(await held('DL'), undefined);
    submit('UA', 1_400);
    const other = open();
    assert.ok(await held('UA', ['events'], other));
    submit('DL', 1_000);
    submit('DL', 400, 'events', other);
    assert.equal(await held('DL'), undefined, 'it has not looked');
    await budget.refresh();
    assert.ok(await held('DL'));
    await other.refresh();
    assert.ok(await held('DL', ['events'], other));
  });

  it('knows what a tenant has had that is configured later', async () => {
    await budget.refresh();
    projects.set('LH', 'one');
    noted.set(
      'LH',
      Array.from({ length: 1_400 }, () => ({ stream: 'events', at: now })),
    );
    assert.ok(await held('LH'));
  });

  it('looks again often where half of a quota is used, and rarely elsewhere', async () => {
    submit('UA', 750);
    submit('DL', 10);
    const looked: string[] = [];
    const other = new LoadBudget({
      tenants: () => [of('UA'), of('DL')],
      loadsSince: async (tenant) => {
        looked.push(tenant);
        return noted.get(tenant) ?? [];
      },
      log: { warn: () => undefined, info: () => undefined },
      now: () => now,
    });
    await other.refresh();
    for (let look = 0; look < 6; look += 1) await other.lookAgain();
    assert.equal(looked.filter((tenant) => tenant === 'DL').length, 2);
    assert.equal(looked.filter((tenant) => tenant === 'UA').length, 7);
  });

  it('goes by what it knows when it cannot look, and looks again the next time', async () => {
    submit('UA', 1_400);
    let away = true;
    const other = new LoadBudget({
      tenants: () => [of('UA')],
      loadsSince: () =>
        away ? Promise.reject(new Error('the bucket is away')) : Promise.resolve(noted.get('UA')!),
      log: { warn: (id) => void warned.push(id), info: () => undefined },
      now: () => now,
    });
    assert.equal(await held('UA', ['events'], other), undefined);
    assert.deepEqual(warned, ['LOAD_JOBS_UNKNOWN']);
    away = false;
    await other.refresh();
    assert.ok(await held('UA', ['events'], other));
  });

  it('slows down a tenant that BigQuery asks for fewer loads, and no other', async () => {
    budget.refused('UA', 120);
    assert.equal((await held('UA'))?.retryAfterSeconds, 120);
    assert.equal(await held('DL'), undefined);
    now += 120_000;
    assert.equal(await held('UA'), undefined);
    assert.equal((await held('UA'))?.retryAfterSeconds, 120, 'one at a time');
    budget.loaded('UA');
    now += 60_000;
    assert.equal(await held('UA'), undefined, 'twice as fast after a load that worked');
  });

  it('wants longer windows of who has to wait, so that the wait is not for yet more loads', async () => {
    assert.equal(budget.atLeastMs('UA'), 0);
    budget.refused('UA', 3_600);
    assert.equal(budget.atLeastMs('UA'), HOUR_MS);
    submit('DL', 1_400);
    assert.ok(await held('DL'));
    assert.equal(budget.atLeastMs('DL'), 15 * MINUTE_MS);
    assert.equal(budget.atLeastMs('AA'), 0);
    now += 24 * HOUR_MS + 30 * MINUTE_MS;
    assert.equal(await held('DL'), undefined);
    assert.equal(budget.atLeastMs('DL'), 0);
  });

  it('says how much of each project is used, and of which table', async () => {
    submit('UA', 20);
    submit('UA', 30, 'decisions');
    submit('DL', 25);
    submit('BA', 7);
    assert.deepEqual(budget.usage(), [
      { project: 'one', used: 75, active: 2, busiest: { tenant: 'UA', stream: 'decisions', used: 30 } },
      { project: 'two', used: 7, active: 1, busiest: { tenant: 'BA', stream: 'events', used: 7 } },
    ]);
    now += 26 * HOUR_MS;
    projects.delete('BA');
    await budget.refresh();
    assert.deepEqual(budget.usage(), [{ project: 'one', used: 0, active: 0, busiest: undefined }]);
  });
});

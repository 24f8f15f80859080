import assert from 'node:assert/strict';
import { Activity, type ActivityOptions } from '../../src/status/activity.js';
import type { UsageTotal, Figures } from '../../src/stores/usage/figures.js';
import type { SubscriptionLag } from '../../src/subscriptions/lags.js';

const MIDNIGHT = Date.parse('2024-03-11T00:00:00Z');

describe('the activity of tenants', () => {
  let now: number;
  let totals: UsageTotal[];
  let lags: SubscriptionLag[];
  let oldest: Map<string, number>;
  let looks: number;
  let counted: (tenants: ReadonlySet<string>) => void;
  let activity: Activity;

  function open(more: Partial<ActivityOptions> = {}): Activity {
    const made = new Activity({
      tenants: () => ['acme', 'other'],
      counted: (tenant, from, through) =>
        totals.filter((each) => each.tenant === tenant && each.day >= from && each.day <= through),
      onCounted: (listener) => {
        counted = listener;
        return () => undefined;
      },
      lags: {
        reading: () => {
          looks++;
          return Promise.resolve({ at: now, lags });
        },
      },
      oldestOf: (tenant) => oldest.get(tenant),
      // The test takes samples itself.
      everyMs: 60 * 60_000,
      now: () => now,
      ...more,
    });
    made.start();
    return made;
  }

  beforeEach(() => {
    now = MIDNIGHT - 10_000;
    [totals, lags, oldest, looks] = [[], [], new Map<string, number>(), 0];
  });
  afterEach(() => activity.close());

  const add = (tenant: string, day: string, figures: Figures): void => {
    totals = totals.filter((each) => each.tenant !== tenant || each.day !== day);
    totals.push({ tenant, day, figures });
    counted(new Set([tenant]));
  };
  const later = async (seconds: number): Promise<void> => {
    now += seconds * 1000;
    await activity.sample();
  };
  const of = (tenant: string) => activity.report({ tenant, includes: (each) => each === tenant });
  const ofAll = () => activity.report({ includes: () => true });

  it('has the rates between two looks, also over midnight, and nothing of before it began', async () => {
    totals = [{ tenant: 'acme', day: '2024-03-10', figures: { events: 1_000 } }];
    activity = open();
    add('acme', '2024-03-10', { events: 1_050, deliveredEvents: 20, deliveryAttempts: 30 });
    await later(5);
    add('acme', '2024-03-10', { events: 1_060, deliveredEvents: 20, deliveryAttempts: 30 });
    totals.push({ tenant: 'acme', day: '2024-03-11', figures: { events: 40 } });
    await later(10);
    await later(5);
    const { samples } = await of('acme');
    assert.deepEqual(
      samples.map(({ acceptedEvents, delivered, failed }) => [acceptedEvents, delivered, failed]),
      [
        [10, 4, 2],
        [5, 0, 0],
        [0, 0, 0],
      ],
    );
  });

  it('shows a tenant itself alone, and who reaches all their sum and each', async () => {
    activity = open();
    add('acme', '2024-03-10', { events: 50 });
    add('other', '2024-03-10', { events: 5 });
    await later(5);
    const own = await of('acme');
    assert.deepEqual([own.samples.at(-1)?.acceptedEvents, own.tenants], [10, undefined]);
    const { samples, tenants, subscriptions } = await ofAll();
    assert.equal(samples.at(-1)?.acceptedEvents, 11);
    assert.deepEqual(
      tenants?.map(({ tenant, acceptedEvents }) => [tenant, acceptedEvents]),
      [
        ['acme', 10],
        ['other', 1],
      ],
    );
    assert.equal(subscriptions, undefined);
    const some = await activity.report({ includes: (tenant) => tenant === 'other' });
    assert.deepEqual([some.samples.at(-1)?.acceptedEvents, some.tenants?.length], [1, 1]);
  });

  it('says how far each stage is behind, and how subscriptions of the tenant stand', async () => {
    const active = { status: { state: 'active' }, batches: 1 } as const;
    const failing = {
      since: '2024-03-10T23:00:00.000Z',
      lastError: 'HTTP 500',
      lastErrorAt: '2024-03-10T23:59:00.000Z',
    };
    lags = [
      { tenant: 'acme', subscription: 'warehouse', oldestSeconds: 3, ...active },
      { tenant: 'acme', subscription: 'crm', oldestSeconds: 40, events: 7, failing, ...active },
      { tenant: 'other', subscription: 'queue', oldestSeconds: 90, events: 1, ...active },
    ];
    activity = open();
    await ofAll();
    oldest.set('acme', now + 3_000);
    await later(5);
    const { samples, subscriptions, lookedAt } = await of('acme');
    const { spoolSeconds, loadSeconds, deliverySeconds } = samples.at(-1)!;
    assert.deepEqual([spoolSeconds, loadSeconds, deliverySeconds], [2, 3, 40]);
    assert.deepEqual(
      subscriptions?.map(({ name, failing: fails }) => [name, fails?.lastError]),
      [
        ['warehouse', undefined],
        ['crm', 'HTTP 500'],
      ],
    );
    assert.ok(lookedAt);
    const { tenants } = await ofAll();
    assert.deepEqual(
      tenants?.map(({ tenant, failing: fails }) => [tenant, fails]),
      [
        ['acme', 1],
        ['other', 0],
      ],
    );
  });

  it('asks about subscriptions once for all who look, and not at all while nobody does', async () => {
    activity = open();
    await later(5);
    assert.equal(looks, 0);
    await Promise.all([of('acme'), of('acme'), of('other')]);
    assert.equal(looks, 1);
    await Promise.all([of('acme'), of('other'), ofAll()]);
    await later(5);
    assert.equal(looks, 2);
  });

  it('keeps half an hour, and tells who follows of each sample', async () => {
    activity = open();
    let told = 0;
    const stop = activity.follow(() => told++);
    add('acme', '2024-03-10', { events: 1 });
    for (let count = 0; count < 365; count++) await later(5);
    const { samples } = await of('acme');
    assert.equal(samples.length, 360);
    assert.ok(samples.every(({ at }, index) => index === 0 || at - samples[index - 1]!.at === 5));
    const newest = await activity.report({ tenant: 'acme', includes: () => true }, true);
    assert.deepEqual(newest.samples, samples.slice(-1));
    assert.equal(told, 365);
    stop();
    await later(5);
    assert.equal(told, 365);
  });
});

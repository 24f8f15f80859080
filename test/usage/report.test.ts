import assert from 'node:assert/strict';
import type { UsageTotal } from '../../src/stores/usage/figures.js';
import { parsePrices } from '../../src/usage/prices.js';
import { usageReport } from '../../src/usage/report.js';
import { reachedBudgets } from '../../src/usage/budgets.js';
import { closedDays, usageEvents } from '../../src/usage/daily.js';

const NOW = Date.parse('2024-03-10T12:00:00Z');
const PRICES = parsePrices('currency: EUR\nperMillion: { events: "1000000" }');
const TOTALS: readonly UsageTotal[] = [
  { tenant: 'acme', day: '2024-02-29', stream: 'events', figures: { events: 100 } },
  { tenant: 'acme', day: '2024-03-09', stream: 'events', figures: { events: 3, cpuMicros: 5 } },
  { tenant: 'acme', day: '2024-03-10', stream: 'events', figures: { events: 4 } },
  {
    tenant: 'acme',
    day: '2024-03-10',
    stream: 'events',
    subscription: 'crm',
    figures: { deliveredEvents: 2 },
  },
  { tenant: 'acme', day: '2024-03-10', figures: { cpuMicros: 1_500_000 } },
  { tenant: 'shop', day: '2024-03-10', stream: 'events', figures: { events: 9 } },
];
const of = (tenant: string, from: string, through: string): UsageTotal[] =>
  TOTALS.filter((total) => total.tenant === tenant && total.day >= from && total.day <= through);

describe('a report of usage', () => {
  it('is of this month by default, and by day', () => {
    const { from, to, rows, total } = usageReport({ of }, ['acme'], { by: 'day' }, NOW);
    assert.deepEqual([from, to], ['2024-03-01', '2024-03-10']);
    assert.deepEqual(
      rows.map(({ day, events, deliveredEvents, cpuSeconds }) => [day, events, deliveredEvents, cpuSeconds]),
      [
        ['2024-03-09', 3, 0, 0.000005],
        ['2024-03-10', 4, 2, 1.5],
      ],
    );
    assert.equal(total.events, 7);
    assert.equal('cost' in total, false);
  });

  it('has a row for what belongs to none, and costs that add up', () => {
    const source = { of, prices: PRICES };
    const report = usageReport(source, ['acme'], { by: 'subscription', from: '2024-02-29' }, NOW);
    assert.deepEqual(
      report.rows.map(({ subscription, events, cost }) => [subscription, events, cost]),
      [
        [undefined, 107, '107.00'],
        ['crm', 0, '0.00'],
      ],
    );
    assert.deepEqual([report.total.cost, report.currency], ['107.00', 'EUR']);
    const tenants = usageReport(source, ['acme', 'shop'], { by: 'tenant' }, NOW);
    assert.deepEqual(
      tenants.rows.map(({ tenant, events }) => [tenant, events]),
      [
        ['acme', 7],
        ['shop', 9],
      ],
    );
  });

  for (const [from, to] of [
    ['2024-02-30', '2024-03-01'],
    ['2024-03-02', '2024-03-01'],
    ['2019-01-01', '2024-03-01'],
    ['yesterday', '2024-03-01'],
  ])
    it(`refuses ${from} to ${to}`, () => {
      assert.throws(() => usageReport({ of }, ['acme'], { from, to, by: 'day' }, NOW), {
        code: 'PARAMETER_INVALID',
      });
    });
});

describe('budgets', () => {
  const totalsOf = (from: string, through: string): UsageTotal[] => of('acme', from, through);
  const budget = (more: object) => ({ budget: { cap: true, ...more } });

  it('of a day count its events, and open at midnight', () => {
    assert.deepEqual(reachedBudgets(budget({ eventsPerDay: 5 }), totalsOf, undefined, NOW), []);
    const [reached] = reachedBudgets(budget({ eventsPerDay: 4 }), totalsOf, undefined, NOW);
    assert.equal(reached?.used, 4);
    assert.equal(new Date(reached?.opensAt ?? 0).toISOString(), '2024-03-11T00:00:00.000Z');
  });

  it('of a month count what it has cost, and open with the next', () => {
    assert.deepEqual(reachedBudgets(budget({ costPerMonth: 7 }), totalsOf, undefined, NOW), []);
    assert.deepEqual(reachedBudgets(budget({ costPerMonth: 8 }), totalsOf, PRICES, NOW), []);
    const december = Date.parse('2024-12-31T23:00:00Z');
    const [reached] = reachedBudgets(budget({ costPerMonth: 7 }), totalsOf, PRICES, NOW);
    assert.deepEqual([reached?.used, reached?.period], ['7.00', '2024-03']);
    const all = () => TOTALS;
    const [last] = reachedBudgets(budget({ costPerMonth: 7 }), all, PRICES, december);
    assert.equal(new Date(last?.opensAt ?? 0).toISOString(), '2025-01-01T00:00:00.000Z');
  });
});

describe('the usage of a day', () => {
  it('is told once the day is over for an hour, and made up for a week', () => {
    const days = closedDays(Date.parse('2024-03-10T00:59:00Z'));
    assert.deepEqual([days.length, days.at(-1)], [7, '2024-03-08']);
    assert.equal(closedDays(Date.parse('2024-03-10T01:00:00Z')).at(-1), '2024-03-09');
  });

  it('is an event for each stream and subscription, and none where nothing was done', () => {
    const events = usageEvents(of('acme', '2024-03-10', '2024-03-10'), PRICES, NOW);
    assert.deepEqual(
      events.map(({ id }) => id),
      [
        'headgate.usage.day:2024-03-10:events:',
        'headgate.usage.day:2024-03-10:events:crm',
        'headgate.usage.day:2024-03-10::',
      ],
    );
    const own: UsageTotal = {
      tenant: 'acme',
      day: '2024-03-10',
      stream: 'events',
      figures: { loadedRows: 3 },
    };
    assert.deepEqual(usageEvents([own], PRICES, NOW), []);
  });
});

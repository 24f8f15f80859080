import type { EventRow } from '../events/event.js';
import type { ReachedBudget } from '../ingest/admission/admission.js';
import { DAY_MS, dayOf } from '../platform/time.js';
import { DERIVED_PREFIX } from '../events/delivered-event.js';
import type { UsageTotal } from '../stores/usage/figures.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { costOf, wholeCost, writeCost, type Prices } from './prices.js';

/** Type of the event that tells a tenant. */
const BUDGET_REACHED = `${DERIVED_PREFIX}budget.reached`;

/** A budget of a tenant that is used up. */
export interface BudgetUse extends ReachedBudget {
  /** The day or month, UTC. */
  readonly period: string;
  readonly limit: number;
  /** Events, or the cost as a decimal. */
  readonly used: number | string;
}

/** Reads what a tenant has used, from one day through another. */
type TotalsOf = (from: string, through: string) => Iterable<UsageTotal>;

/** The budgets that a tenant has used up now. */
export function reachedBudgets(
  { budget }: Pick<TenantConfig, 'budget'>,
  totalsOf: TotalsOf,
  prices: Prices | undefined,
  now: number,
): BudgetUse[] {
  const reached: BudgetUse[] = [];
  const { eventsPerDay, costPerMonth } = budget;
  const today = dayOf(now);
  if (eventsPerDay !== undefined) {
    let used = 0;
    for (const { figures } of totalsOf(today, today)) used += figures.events ?? 0;
    const opensAt = Date.parse(today) + DAY_MS;
    if (used >= eventsPerDay)
      reached.push({ budget: 'eventsPerDay', period: today, opensAt, limit: eventsPerDay, used });
  }
  if (costPerMonth !== undefined && prices !== undefined) {
    const month = today.slice(0, 7);
    let used = 0n;
    for (const { figures } of totalsOf(`${month}-01`, today)) used += costOf(prices, figures);
    if (used >= wholeCost(costPerMonth))
      reached.push({
        budget: 'costPerMonth',
        period: month,
        opensAt: monthAfter(now),
        limit: costPerMonth,
        used: writeCost(used),
      });
  }
  return reached;
}

function monthAfter(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/** The event of a budget that is reached; `since` is when that was found, milliseconds since the epoch. */
export function budgetEvent(
  { budget, period, limit, used, opensAt }: BudgetUse,
  cap: boolean,
  since: number,
): EventRow {
  const time = new Date(since).toISOString();
  return {
    specversion: '1.0',
    id: `${BUDGET_REACHED}:${budget}:${period}`,
    source: 'headgate',
    type: BUDGET_REACHED,
    time,
    datacontenttype: 'application/json',
    data: { budget, period, limit, used, cap, opensAt: new Date(opensAt).toISOString() },
    received_at: time,
  };
}

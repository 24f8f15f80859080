import { HeadgateError } from '../errors.js';
import { DAY_MS, isDayName, dayOf } from '../platform/time.js';
import { addFigures, type Figures, type UsageTotal } from '../stores/usage/figures.js';
import { costOf, writeCost, type Prices } from './prices.js';

/** What a report is grouped by. */
export const GROUPINGS = ['day', 'stream', 'subscription', 'tenant'] as const;

/** One of {@link GROUPINGS}. */
export type Grouping = (typeof GROUPINGS)[number];

/** Which usage is asked for. */
export interface UsageQuery {
  /** First and last day, UTC. Default: this month up to today. */
  readonly from?: string;
  readonly to?: string;
  readonly by: Grouping;
}

/** Figures as they are shown, and what they cost where there are prices. */
export interface ShownUsage {
  readonly events: number;
  readonly bytesIn: number;
  readonly storedBytes: number;
  readonly decisions: number;
  readonly loadedRows: number;
  readonly deliveredEvents: number;
  readonly deliveryAttempts: number;
  readonly activitySeconds: number;
  readonly cpuSeconds: number;
  readonly workflows: number;
  readonly actions: number;
  readonly cost?: string;
}

/** A line of a report; what belongs to no stream or subscription has a line without it. */
export type UsageRow = ShownUsage & { readonly [K in Grouping]?: string };

/** What has been used: of one tenant, or of all that an operator reaches. */
export interface UsageReport {
  readonly tenant?: string;
  readonly from: string;
  readonly to: string;
  readonly by: Grouping;
  readonly currency?: string;
  readonly rows: readonly UsageRow[];
  readonly total: ShownUsage;
}

/** Days in a report, at most. */
const MAX_DAYS = 400;

/** What a report is made of. */
export interface ReportSource {
  readonly of: (tenant: string, from: string, through: string) => Iterable<UsageTotal>;
  readonly prices?: Prices;
}

/**
 * Adds up what tenants have used.
 * @throws HeadgateError `PARAMETER_INVALID`: the days are no days, or too many
 */
export function usageReport(
  source: ReportSource,
  tenants: Iterable<string>,
  query: UsageQuery,
  now: number,
): UsageReport {
  const { by } = query;
  const { from, to } = rangeOf(query, now);
  const groups = new Map<string, Figures>();
  let all: Figures = {};
  for (const tenant of tenants)
    for (const total of source.of(tenant, from, to)) {
      const group = total[by] ?? '';
      groups.set(group, addFigures(groups.get(group) ?? {}, total.figures));
      all = addFigures(all, total.figures);
    }
  const { prices } = source;
  const rows = [...groups]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([group, figures]): UsageRow => ({
      ...(group !== '' && { [by]: group }),
      ...shown(figures, prices),
    }));
  const total = shown(all, prices);
  return { from, to, by, ...(prices && { currency: prices.currency }), rows, total };
}

/** Figures as they are shown. */
export function shown(figures: Figures, prices?: Prices): ShownUsage {
  return {
    events: figures.events ?? 0,
    bytesIn: figures.bytesIn ?? 0,
    storedBytes: figures.storedBytes ?? 0,
    decisions: figures.decisions ?? 0,
    loadedRows: figures.loadedRows ?? 0,
    deliveredEvents: figures.deliveredEvents ?? 0,
    deliveryAttempts: figures.deliveryAttempts ?? 0,
    activitySeconds: (figures.activityMicros ?? 0) / 1e6,
    cpuSeconds: (figures.cpuMicros ?? 0) / 1e6,
    workflows: figures.workflows ?? 0,
    actions: figures.actions ?? 0,
    ...(prices && { cost: writeCost(costOf(prices, figures)) }),
  };
}

function rangeOf(query: Pick<UsageQuery, 'from' | 'to'>, now: number): { from: string; to: string } {
  const to = query.to ?? dayOf(now);
  const from = query.from ?? `${to.slice(0, 7)}-01`;
  const [first, last] = [timeOf(from, 'from'), timeOf(to, 'to')];
  if (first > last) throw invalid(`from (${from}) is after to (${to})`);
  if (last - first >= MAX_DAYS * DAY_MS) throw invalid(`there are more than ${MAX_DAYS} days`);
  return { from, to };
}

function timeOf(day: string, name: string): number {
  const time = isDayName(day) ? Date.parse(day) : Number.NaN;
  // 2026-02-30 is a day of March to the parser.
  if (!Number.isNaN(time) && dayOf(time) === day) return time;
  throw invalid(`${name} must be a day such as 2024-03-10`);
}

function invalid(problem: string): HeadgateError {
  return new HeadgateError('PARAMETER_INVALID', `The query is not as it should be: ${problem}.`);
}

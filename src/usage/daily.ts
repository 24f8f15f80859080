import { DERIVED_PREFIX } from '../events/delivered-event.js';
import type { EventRow } from '../events/event.js';
import { DAY_MS, HOUR_MS, dayOf } from '../platform/time.js';
import type { UsageTotal } from '../stores/usage/figures.js';
import { shown } from './report.js';
import type { Prices } from './prices.js';

/** Type of the events that a day's usage is in the warehouse by. */
const USAGE_OF_DAY = `${DERIVED_PREFIX}usage.day`;

/** What is counted late, such as a batch at midnight, has come by then. */
const CLOSES_AFTER_MS = HOUR_MS;
/** Days that are made up for after a process was down. */
const MADE_UP_DAYS = 7;

/** The days whose usage is complete now and may not have been told yet, the oldest first. */
export function closedDays(now: number): string[] {
  const last = Date.parse(dayOf(now - CLOSES_AFTER_MS)) - DAY_MS;
  return Array.from({ length: MADE_UP_DAYS }, (_, index) =>
    dayOf(last - (MADE_UP_DAYS - 1 - index) * DAY_MS),
  );
}

/**
 * The events of a day: one for each stream and subscription. None where nothing came in or was delivered, so that what these
 * events use themselves is not told for ever.
 */
export function usageEvents(
  totals: readonly UsageTotal[],
  prices: Prices | undefined,
  now: number,
): EventRow[] {
  const isUsed = totals.some(({ figures }) => (figures.events ?? 0) + (figures.deliveryAttempts ?? 0) > 0);
  if (!isUsed) return [];
  return totals.map(({ day, stream, subscription, figures }) => ({
    specversion: '1.0',
    id: [USAGE_OF_DAY, day, stream ?? '', subscription ?? ''].join(':'),
    source: 'headgate',
    type: USAGE_OF_DAY,
    time: `${day}T00:00:00Z`,
    ...(subscription !== undefined && { subject: subscription }),
    datacontenttype: 'application/json',
    data: {
      day,
      stream,
      subscription,
      ...shown(figures, prices),
      ...(prices && { currency: prices.currency }),
    },
    received_at: new Date(now).toISOString(),
  }));
}

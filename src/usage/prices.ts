import { parse } from 'yaml';
import { HeadgateError } from '../errors.js';
import type { Figure, Figures } from '../stores/usage/figures.js';

/** What is priced, by the unit of its price; a price is a decimal in quotes, so that it stays exact. */
const PRICED = {
  perMillion: [
    'events',
    'decisions',
    'loadedRows',
    'deliveredEvents',
    'deliveryAttempts',
    'workflows',
    'actions',
  ],
  /** Of 10^9 bytes. */
  perGigabyte: ['bytesIn', 'storedBytes'],
  perSecond: ['activitySeconds', 'cpuSeconds'],
} as const;

type Unit = keyof typeof PRICED;

/** Powers of ten: of the figure's own units in one that is priced. Hence every cost is a decimal without an end. */
const UNIT_DIGITS: Readonly<Record<Unit, number>> = { perMillion: 6, perGigabyte: 9, perSecond: 6 };
/** Figures that are kept in other units than they are priced in. */
const FIGURE_OF: Readonly<Record<string, Figure>> = {
  activitySeconds: 'activityMicros',
  cpuSeconds: 'cpuMicros',
};

/** Digits after the point of a price, and of a cost: no cost is ever rounded. */
const PRICE_DIGITS = 9;
const COST_DIGITS = 18;
const DECIMAL = new RegExp(`^(\\d{1,9})(?:\\.(\\d{1,${PRICE_DIGITS}}))?$`);
const CURRENCY = /^[A-Z]{3}$/;

/** Money, in units of 10^-18 of the currency. */
export type Cost = bigint;

/** What usage costs. */
export interface Prices {
  /** ISO 4217. */
  readonly currency: string;
  /** Costs of one unit of a figure, as it is kept. */
  readonly perUnit: ReadonlyMap<Figure, Cost>;
}

/**
 * Reads a file of prices, YAML or JSON.
 * @throws HeadgateError `CONFIG_INVALID`, saying what is wrong with it
 */
export function parsePrices(text: string): Prices {
  const { currency, ...units } = asObject(parsed(text), 'The file');
  if (typeof currency !== 'string' || !CURRENCY.test(currency))
    throw invalid('currency must be a code of three letters such as EUR');
  const perUnit = new Map<Figure, Cost>();
  for (const [unit, prices] of Object.entries(units)) {
    if (!isUnit(unit)) throw invalid(`${unit} is not known: there are ${Object.keys(PRICED).join(', ')}`);
    for (const [name, price] of Object.entries(asObject(prices, unit))) {
      const known: readonly string[] = PRICED[unit];
      if (!known.includes(name)) throw invalid(`${unit}.${name} is not known: there are ${known.join(', ')}`);
      const nanos = priceOf(price, `${unit}.${name}`);
      const digits = COST_DIGITS - PRICE_DIGITS - UNIT_DIGITS[unit];
      perUnit.set(FIGURE_OF[name] ?? (name as Figure), nanos * 10n ** BigInt(digits));
    }
  }
  return { currency, perUnit };
}

function parsed(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 }) as unknown;
  } catch (error) {
    throw invalid(`It is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(`${what} must hold names and values`);
}

function isUnit(name: string): name is Unit {
  return Object.hasOwn(PRICED, name);
}

function priceOf(value: unknown, what: string): bigint {
  const [, whole, fraction = ''] = typeof value === 'string' ? (DECIMAL.exec(value) ?? []) : [];
  if (whole === undefined)
    throw invalid(
      `${what} must be a decimal in quotes such as "0.40", with ${PRICE_DIGITS} digits after the point at most`,
    );
  return BigInt(whole + fraction.padEnd(PRICE_DIGITS, '0'));
}

function invalid(problem: string): HeadgateError {
  return new HeadgateError('CONFIG_INVALID', `HEADGATE_PRICES: ${problem}.`);
}

/** What figures cost. */
export function costOf({ perUnit }: Prices, figures: Figures): Cost {
  let cost = 0n;
  for (const [figure, price] of perUnit) cost += price * BigInt(figures[figure] ?? 0);
  return cost;
}

/** A number of whole units of the currency. */
export function wholeCost(units: number): Cost {
  return BigInt(units) * 10n ** BigInt(COST_DIGITS);
}

/** A cost as a decimal, exactly: at least two digits after the point, and no zeros behind them. */
export function writeCost(cost: Cost): string {
  const digits = cost.toString().padStart(COST_DIGITS + 1, '0');
  const [whole, fraction] = [digits.slice(0, -COST_DIGITS), digits.slice(-COST_DIGITS)];
  return `${whole}.${fraction.replace(/0+$/, '').padEnd(2, '0')}`;
}

import type { KeywordDefinition } from 'ajv';

/**
 * The keyword `multipleOf`, exact on decimals: 19.99 is a multiple of 0.01, which the division of doubles denies. Numbers
 * are taken for the decimals that they are written as.
 * @see https://json-schema.org/draft/2020-12/json-schema-validation#name-multipleof
 */
export const MULTIPLE_OF: KeywordDefinition = {
  keyword: 'multipleOf',
  type: 'number',
  schemaType: 'number',
  compile: multiplesOf,
  error: { message: ({ schema }) => `must be multiple of ${String(schema)}` },
};

/** Whole numbers below have 15 digits at most: no two decimals with that many are one double. */
const MAX_EXACT = 1e15;
/** Powers of ten up to here are doubles. */
const MAX_POWER = 22;

/**
 * Makes the check whether a number divided by the divisor is whole.
 * @param divisor above zero
 */
export function multiplesOf(divisor: number): (value: number) => boolean {
  const exact = decimalOf(divisor);
  const places = Math.max(0, -exact.power);
  const scale = 10 ** places;
  const step = Number(exact.digits) * 10 ** Math.max(0, exact.power);
  if (places > MAX_POWER || step >= MAX_EXACT) return (value) => isMultiple(value, exact);
  return (value) => {
    // Of a decimal of that many places this is its digits, and a division of whole numbers gives the double nearest to it.
    const digits = Math.round(value * scale);
    if (Math.abs(digits) >= MAX_EXACT) return isMultiple(value, exact);
    return digits / scale === value && digits % step === 0;
  };
}

/** A decimal: its digits, and the power of ten they are multiplied by. */
interface Decimal {
  readonly digits: bigint;
  readonly power: number;
}

function isMultiple(value: number, divisor: Decimal): boolean {
  const number = decimalOf(value);
  const lowest = Math.min(number.power, divisor.power);
  const scaled = ({ digits, power }: Decimal): bigint => digits * 10n ** BigInt(power - lowest);
  return scaled(number) % scaled(divisor) === 0n;
}

/** A number as it is written. */
function decimalOf(number: number): Decimal {
  const [mantissa = '', exponent = '0'] = String(number).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), power: Number(exponent) - fraction.length };
}

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
  compile: (divisor: number) => (value: number) => isMultiple(value, divisor),
  error: { message: ({ schema }) => `must be multiple of ${String(schema)}` },
};

/** True where `value / divisor` is a whole number. @param divisor above zero */
export function isMultiple(value: number, divisor: number): boolean {
  if (Number.isSafeInteger(value) && Number.isSafeInteger(divisor)) return value % divisor === 0;
  const [digits, power] = decimalOf(value);
  const [divisorDigits, divisorPower] = decimalOf(divisor);
  const lowest = Math.min(power, divisorPower);
  const scaled = (number: bigint, of: number): bigint => number * 10n ** BigInt(of - lowest);
  return scaled(digits, power) % scaled(divisorDigits, divisorPower) === 0n;
}

/** The digits of a number as it is written, and the power of ten they are multiplied by. */
function decimalOf(number: number): [digits: bigint, power: number] {
  const [mantissa = '', exponent = '0'] = String(number).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return [BigInt(whole + fraction), Number(exponent) - fraction.length];
}

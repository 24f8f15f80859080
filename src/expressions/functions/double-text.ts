const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NAMED = /^([+-]?)(?:(inf|infinity)|nan)$/i;

/** No number is longer: what is, is not read. */
const MAX_LENGTH = 1000;

/** Reads a number as Go does, without its hexadecimal forms; undefined if the text is none, or beyond a double. */
export function readDouble(text: string): number | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const named = NAMED.exec(text);
  if (named !== null) {
    if (named[2] === undefined) return named[1] === '' ? NaN : undefined;
    return named[1] === '-' ? -Infinity : Infinity;
  }
  const value = DECIMAL.test(text) ? Number(text) : undefined;
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** A double as CEL writes it: all digits that it needs, and no exponent. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [mantissa, exponent] = String(value).split('e');
  if (exponent === undefined) return mantissa!;
  const sign = mantissa!.startsWith('-') ? '-' : '';
  const [whole, decimals = ''] = mantissa!.replace('-', '').split('.') as [string, string?];
  const digits = whole + decimals;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, '0');
}

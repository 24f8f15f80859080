import type * as Duckdb from '@duckdb/node-api';
import type { DuckDBType, DuckDBValue, DuckDBValueConverter, Json } from '@duckdb/node-api';
import { DuckDBTimestampTZValue, DuckDBTypeId, JsonDuckDBValueConverter } from '../duckdb.js';

const MICROS_PER_MS = 1000n;
const MAX_DATE_MICROS = 8_640_000_000_000_000_000n;

/** Decimal digits that a double keeps exactly. */
const EXACT_DIGITS = 15;

/**
 * Turns DuckDB's values into JSON the way a reader of JSON wants them: whole numbers as numbers while they are exact,
 * else as text; times in ISO 8601, UTC; JSON columns as the value they hold. DuckDB's own conversion gives BIGINT as
 * text, JSON as text, and times in the process's local zone.
 */
export const toJson: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (value === null || value === undefined) return null;
  if (type.alias === 'JSON') return jsonValue(String(value));
  if (typeof value === 'bigint') return numberOrText(value);
  if (value instanceof DuckDBTimestampTZValue) return isoTime(value);
  if (type.typeId === DuckDBTypeId.DECIMAL) return decimal(value, type);
  return JsonDuckDBValueConverter(value, type, converter);
};

/** How a column's type is shown. */
export function typeName(type: DuckDBType): string {
  return type.alias ?? type.toString();
}

/** DuckDB takes NaN and Infinity for JSON, which no reader of JSON does: they stay text. */
function jsonValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function numberOrText(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function decimal(value: DuckDBValue, type: DuckDBType): Json {
  const width = 'width' in type ? Number(type.width) : Number.POSITIVE_INFINITY;
  return width <= EXACT_DIGITS ? Number(String(value)) : String(value);
}

/** ISO 8601 with milliseconds, or microseconds where there are any. */
function isoTime(value: Duckdb.DuckDBTimestampTZValue): string {
  const { micros } = value;
  if (micros === DuckDBTimestampTZValue.PosInf.micros) return 'infinity';
  if (micros === DuckDBTimestampTZValue.NegInf.micros) return '-infinity';
  if (micros > MAX_DATE_MICROS || micros < -MAX_DATE_MICROS) return value.toString();
  const rest = ((micros % MICROS_PER_MS) + MICROS_PER_MS) % MICROS_PER_MS;
  const iso = new Date(Number((micros - rest) / MICROS_PER_MS)).toISOString();
  return rest === 0n ? iso : iso.replace('Z', `${rest.toString().padStart(3, '0')}Z`);
}

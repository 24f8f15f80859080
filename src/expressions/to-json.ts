import { Fault } from './fault.js';
import { CelMap, Optional, RuntimeValue, TypeValue, Uint, keysOf, lookUp } from './runtime-value.js';

/** A value as JSON data: numbers of all types are doubles, times and durations texts, bytes base64. */
export function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof RuntimeValue && !(value instanceof CelMap)) return ownToJson(value);
  return Object.fromEntries(keysOf(value).map((key) => [textOf(key), toJson(lookUp(value, key))]));
}

function ownToJson(value: RuntimeValue): unknown {
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value);
  if (value instanceof TypeValue) return value.name;
  return value instanceof Fault ? value.reason : String(value);
}

function textOf(key: unknown): string {
  return String(key instanceof Uint ? key.value : key);
}

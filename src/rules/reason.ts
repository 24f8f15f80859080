import { messageOf } from '../errors.js';
import { pathOf, textOf, type Reference } from './references.js';

/** How much of a value a reason shows. */
const MAX_VALUE_LENGTH = 60;

/** How long a reason may be. */
const MAX_REASON_LENGTH = 1000;

/** The variables an expression sees. */
export type RuleContext = Readonly<Record<string, unknown>>;

/**
 * The reason of an evaluation that gave true or false: the values it used, `event.data.minutes = 185 and …`. A missing
 * value is named only where the expression asks whether it is there; anywhere else its absence cannot have decided.
 */
export function reasonOfResult(references: readonly Reference[], context: RuleContext): string {
  const parts: string[] = [];
  for (const { path, text, tested } of references) {
    const value = valueOf(path, context);
    if (value !== undefined) parts.push(`${text} = ${jsonUpTo(value, MAX_VALUE_LENGTH)}`);
    else if (tested) parts.push(`${text} is missing`);
  }
  return parts.length === 0 ? 'the expression uses no value' : cut(parts.join(' and '), MAX_REASON_LENGTH);
}

/** The reason of an evaluation that failed: `profile.seats is missing`, or the error. */
export function reasonOfError(error: unknown): string {
  const { code, node, summary } = error as { code?: unknown; node?: unknown; summary?: unknown };
  if (code === 'no_such_key') {
    const path = pathOf(node as Parameters<typeof pathOf>[0]);
    if (path !== undefined) return cut(`${textOf(path)} is missing`, MAX_REASON_LENGTH);
  }
  return cut(`error: ${typeof summary === 'string' ? summary : messageOf(error)}`, MAX_REASON_LENGTH);
}

/** The reason of an evaluation that gave something else than true or false. */
export function reasonOfNonBoolean(value: unknown): string {
  return `error: the expression gave ${jsonUpTo(value, MAX_VALUE_LENGTH)}, not true or false`;
}

function valueOf([variable, ...keys]: Reference['path'], context: RuleContext): unknown {
  let value: unknown = context[variable];
  for (const key of keys) {
    if (value instanceof Map) value = value.get(key);
    else if (typeof value === 'object' && value !== null && Object.hasOwn(value, key)) {
      value = (value as Record<string | number, unknown>)[key];
    } else return undefined;
  }
  return value;
}

/** JSON cut at `limit` characters, without writing out the rest of a large value first. */
function jsonUpTo(value: unknown, limit: number): string {
  if (typeof value === 'string') return cut(JSON.stringify(cut(value, limit)), limit);
  if (value instanceof Map) return jsonUpTo(Object.fromEntries(value), limit);
  if (typeof value === 'object' && value !== null) return cut(collectionUpTo(value, limit), limit);
  return cut(String(value), limit);
}

function collectionUpTo(value: object, limit: number): string {
  const isList = Array.isArray(value);
  let json = isList ? '[' : '{';
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (json.length > 1) json += ',';
    if (!isList) json += `${jsonUpTo(key, limit)}:`;
    json += jsonUpTo((value as Record<string, unknown>)[key], limit);
    if (json.length > limit) return json;
  }
  return json + (isList ? ']' : '}');
}

/** Cuts at `limit` UTF-16 units, never between the halves of a character. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = /[\uD800-\uDBFF]/.test(text[limit - 2]!) ? limit - 2 : limit - 1;
  return `${text.slice(0, end)}…`;
}

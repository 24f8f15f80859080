import type { Fault } from '../expressions/fault.js';
import type { Context } from '../expressions/frame.js';
import type { Reference } from '../expressions/references.js';
import { toJson } from '../expressions/to-json.js';

/** How much of a value a reason shows. */
const MAX_VALUE_LENGTH = 60;

/** How long a reason may be. */
const MAX_REASON_LENGTH = 1000;

/** What reasons on one event have shown of its objects already: to list thousands of keys takes a millisecond. */
export class ShownValues {
  // Made when it is needed: most reasons show no object.
  private texts: Map<object, string> | undefined;

  /** An object as reasons show it; written once, however many rules show it. */
  textOf(value: object): string {
    const known = this.texts?.get(value);
    if (known !== undefined) return known;
    const text = jsonUpTo(value, MAX_VALUE_LENGTH);
    this.texts = (this.texts ?? new Map<object, string>()).set(value, text);
    return text;
  }
}

/**
 * The reason of an evaluation that gave true or false: the values it used, `event.data.minutes = 185 and …`. A missing
 * value is named only where the expression asks whether it is there; anywhere else its absence cannot have decided.
 */
export function reasonOfResult(
  references: readonly Reference[],
  context: Context,
  shown: ShownValues,
): string {
  let reason = '';
  for (const { path, text, tested } of references) {
    const value = valueOf(path, context);
    if (value === undefined && !tested) continue;
    if (reason !== '') reason += ' and ';
    reason += value === undefined ? `${text} is missing` : `${text} = ${textOfValue(value, shown)}`;
  }
  return reason === '' ? 'the expression uses no value' : cut(reason, MAX_REASON_LENGTH);
}

/** The reason of an evaluation that failed: all that is missing, the first first, then what else went wrong. */
export function reasonOfFault(fault: Fault): string {
  return cut(fault.reason, MAX_REASON_LENGTH);
}

/** The reason of an evaluation that gave something else than true or false. */
export function reasonOfNonBoolean(value: unknown): string {
  return `error: the expression gave ${jsonUpTo(toJson(value), MAX_VALUE_LENGTH)}, not true or false`;
}

function textOfValue(value: unknown, shown: ShownValues): string {
  const isObject = typeof value === 'object' && value !== null;
  return isObject ? shown.textOf(value) : jsonUpTo(value, MAX_VALUE_LENGTH);
}

function valueOf(path: Reference['path'], context: Context): unknown {
  let value: unknown = context[path[0]];
  for (let at = 1; at < path.length; at++) {
    const key = path[at]!;
    if (typeof value === 'object' && value !== null && Object.hasOwn(value, key)) {
      value = (value as Record<string | number, unknown>)[key];
    } else return undefined;
  }
  return value;
}

/** JSON cut at `limit` characters, without writing out the rest of a large value first. */
function jsonUpTo(value: unknown, limit: number): string {
  if (typeof value === 'string') return cut(JSON.stringify(cut(value, limit)), limit);
  if (typeof value === 'object' && value !== null) return cut(collectionUpTo(value, limit), limit);
  return cut(String(value), limit);
}

function collectionUpTo(value: object, limit: number): string {
  if (Array.isArray(value)) return listUpTo(value, limit);
  let json = '{';
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (json.length > 1) json += ',';
    json += `${jsonUpTo(key, limit)}:${jsonUpTo((value as Record<string, unknown>)[key], limit)}`;
    if (json.length > limit) return json;
  }
  return `${json}}`;
}

function listUpTo(list: readonly unknown[], limit: number): string {
  let json = '[';
  for (let i = 0; i < list.length && json.length <= limit; i++)
    json += `${i > 0 ? ',' : ''}${jsonUpTo(list[i], limit)}`;
  return `${json}]`;
}

/** Cuts at `limit` UTF-16 units, never between the halves of a character. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = /[\uD800-\uDBFF]/.test(text[limit - 2]!) ? limit - 2 : limit - 1;
  return `${text.slice(0, end)}…`;
}

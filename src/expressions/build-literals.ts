import { constant, refuse, stepsOf, type Builder, type Built, type Scope } from './built.js';
import { Fault, faultOf, invalid, noOverload } from './fault.js';
import type { Frame } from './frame.js';
import { UnsignedInt, offsetOf, type ASTNode } from './parse.js';
import { CelMap, Uint, kindOf, mapKey } from './runtime-value.js';
import { common, type Type } from './type.js';

const MAX_INT = 2n ** 63n - 1n;

/** Builds a number, text, bool, null or bytes that is written out. */
export function buildLiteral(node: Extract<ASTNode, { op: 'value' }>): Built {
  const value: unknown = node.args;
  const offset = offsetOf(node);
  if (typeof value === 'bigint' && value > MAX_INT) refuse(`the number is beyond an int: ${value}`, node);
  if (value instanceof UnsignedInt) return constant({ kind: 'uint' }, new Uint(value.value), offset);
  // The parser takes a character beyond ASCII for one byte, where CEL takes its UTF-8.
  if (value instanceof Uint8Array && !/^[\x00-\x7f]*$/.test(node.input.slice(offset, node.range.end)))
    refuse('bytes are written in ASCII here: b"\\xc3\\xa9", or bytes("é")', node);
  return constant({ kind: kindOf(value) }, value, offset);
}

/** Builds `[a, b]`, of any types. */
export function buildList(builder: Builder, node: Extract<ASTNode, { op: 'list' }>, scope: Scope): Built {
  const elements = node.args.map((each) => builder.build(each, scope));
  const type: Type = { kind: 'list', of: common(elements.map((each) => each.type)) };
  const offset = offsetOf(node);
  if (elements.every((each) => each.constant !== undefined && !(each.constant.value instanceof Fault)))
    return constant(type, Object.freeze(elements.map((each) => each.constant!.value)), offset);
  const run = (frame: Frame): unknown => {
    const values = elements.map((each) => each.run(frame));
    return values.reduce(faultOf, undefined) ?? values;
  };
  return { type, run, steps: stepsOf(...elements), offset };
}

/** Builds `{a: b}`, of any types of values. */
export function buildMap(builder: Builder, node: Extract<ASTNode, { op: 'map' }>, scope: Scope): Built {
  const entries = node.args.map(
    ([key, value]) => [builder.build(key, scope), builder.build(value, scope)] as const,
  );
  for (const [key] of entries)
    if (!['bool', 'int', 'uint', 'string', 'dyn'].includes(key.type.kind))
      refuse(`a key is a bool, int, uint or string, not ${key.type.kind}`, key);
  const of = common(entries.map(([, value]) => value.type));
  const run = (frame: Frame): unknown => {
    const map = new CelMap();
    for (const [keyOf, valueOf] of entries) {
      const fault = addEntry(map, keyOf.run(frame), valueOf.run(frame));
      if (fault !== undefined) return fault;
    }
    return map;
  };
  return { type: { kind: 'map', of }, run, steps: stepsOf(...entries.flat()), offset: offsetOf(node) };
}

/** Adds an entry to a map, or says why that cannot be. */
export function addEntry(map: CelMap, key: unknown, value: unknown): Fault | undefined {
  const fault = faultOf(key, value);
  if (fault !== undefined) return fault;
  const at = typeof key === 'number' ? undefined : mapKey(key);
  if (at === undefined) return noOverload(`{${kindOf(key)}: _}`);
  return map.add(at, key, value) ? undefined : invalid(`the key is there twice: ${String(at).slice(0, 60)}`);
}

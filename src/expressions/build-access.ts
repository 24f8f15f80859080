import { refuse, stepsOf, type Builder, type Built, type Run, type Scope } from './built.js';
import { Fault, faultOf, invalid, noOverload } from './fault.js';
import { offsetOf, type ASTNode } from './parse.js';
import { pathOf, textOf } from './references.js';
import { Optional, RuntimeValue, Uint, isMap, kindOf, lookUp } from './runtime-value.js';
import { BOOL, DYN, type Type } from './type.js';

/** `a.b`, `a["b"]`, `a[0]`, and their optional forms. */
export type AccessNode = Extract<ASTNode, { op: '.' | '.?' | '[]' | '[?]' }>;

/** Builds an access to a field, element or entry. */
export function buildAccess(builder: Builder, node: AccessNode, scope: Scope): Built {
  const path = node.op === '.' || node.op === '[]' ? plainPath(builder, node, scope) : undefined;
  if (path !== undefined) return buildPath(path, node);
  const object = builder.build(node.args[0], scope);
  const isField = node.op === '.' || node.op === '.?';
  const key = isField ? undefined : builder.build(node.args[1] as ASTNode, scope);
  const name = isField ? (node.args[1] as string) : undefined;
  const isOptional = node.op === '.?' || node.op === '[?]' || object.type.kind === 'optional_type';
  const steps = key === undefined ? stepsOf(object) : stepsOf(object, key);
  const found = typeOfEntry(object.type, key?.type, node);
  const type: Type = isOptional ? { kind: 'optional_type', of: found } : found;
  const run =
    key === undefined ? selecting(object.run, name!, isOptional) : indexing(object.run, key.run, isOptional);
  return { type, run, steps, offset: offsetOf(node) };
}

function typeOfEntry(object: Type, key: Type | undefined, node: ASTNode): Type {
  switch (object.kind) {
    case 'dyn':
      return DYN;
    case 'optional_type':
      return object.of === undefined ? DYN : typeOfEntry(object.of, key, node);
    case 'map':
      return object.of ?? DYN;
    case 'list':
      if (key !== undefined && ['int', 'uint', 'double', 'dyn'].includes(key.kind)) return object.of ?? DYN;
  }
  return refuse(
    `no such overload: ${object.kind}${key === undefined ? ' has no fields' : `[${key.kind}]`}`,
    node,
  );
}

function selecting(object: Run, name: string, isOptional: boolean): Run {
  const noKey = invalid(`no such key: ${name}`);
  return (frame) => {
    const value = object(frame);
    if (isOptional || value instanceof Optional) return optionalEntry(value, name);
    if (isMap(value)) return present(lookUp(value, name), noKey);
    return value instanceof Fault ? value : noOverload(`${kindOf(value)} has no fields`);
  };
}

/** Null is a value; only undefined is none. */
function present(value: unknown, fault: Fault): unknown {
  return value === undefined ? fault : value;
}

function indexing(object: Run, key: Run, isOptional: boolean): Run {
  return (frame) => {
    const value = object(frame);
    const at = key(frame);
    const fault = faultOf(value, at);
    if (fault !== undefined) return fault;
    return isOptional || value instanceof Optional ? optionalEntry(value, at) : entry(value, at);
  };
}

/** What is at a key or an index; a fault if there is nothing. */
function entry(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const index = indexOf(key);
    if (index === undefined) return noOverload(`list[${kindOf(key)}]`);
    return index >= 0 && index < value.length
      ? (value[index] as unknown)
      : invalid(`index out of bounds: ${index}`);
  }
  if (isMap(value)) return present(lookUp(value, key), invalid(`no such key: ${keyText(key)}`));
  return noOverload(`${kindOf(value)}[${kindOf(key)}]`);
}

function optionalEntry(value: unknown, key: unknown): unknown {
  if (value instanceof Fault) return value;
  const inner = value instanceof Optional ? value.value : value;
  if (inner === undefined) return Optional.NONE;
  const found = Array.isArray(inner) || isMap(inner) ? entry(inner, key) : noOverload(`${kindOf(inner)}[?]`);
  if (!(found instanceof Fault)) return new Optional(found);
  return found.code === 'NO_OVERLOAD' ? found : Optional.NONE;
}

/** A whole number as an index; undefined if it is none. */
function indexOf(key: unknown): number | undefined {
  if (typeof key === 'number') return Number.isInteger(key) ? key : undefined;
  if (typeof key === 'bigint') return Number(key);
  return key instanceof Uint ? Number(key.value) : undefined;
}

function keyText(key: unknown): string {
  return String(key instanceof Uint ? key.value : key).slice(0, 60);
}

function plainPath(builder: Builder, node: ASTNode, scope: Scope): (string | number)[] | undefined {
  const path = pathOf(node, builder.names);
  if (path === undefined || scope.find(path[0]) !== undefined || hasOptional(node)) return undefined;
  const { kind } = builder.variables.get(path[0])!;
  // JSON alone is read without a look at its types: variables of other types are for tests of the language.
  return kind === 'map' ? [...path] : undefined;
}

function hasOptional(node: ASTNode): boolean {
  if (node.op === '.?' || node.op === '[?]') return true;
  return (node.op === '.' || node.op === '[]') && hasOptional(node.args[0]);
}

/** `event.data.minutes`: most of what rules ask for, so it takes one closure. */
function buildPath(path: readonly (string | number)[], node: ASTNode): Built {
  const [variable, ...keys] = path as [string, ...(string | number)[]];
  const missing = keys.map((_key, i) => new Fault('MISSING', undefined, [textOf(path.slice(0, i + 2))]));
  const run: Run = (frame) => {
    let value: unknown = frame.context[variable];
    for (let i = 0; i < keys.length; i++) {
      value = jsonEntry(value, keys[i]!);
      if (value === undefined) return missing[i];
    }
    return value;
  };
  return { type: DYN, run, steps: keys.length, offset: offsetOf(node) };
}

/** An entry of JSON data; undefined if there is none, also where the data has no entries at all. */
function jsonEntry(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof RuntimeValue) return isMap(value) ? lookUp(value, key) : undefined;
  if (Array.isArray(value)) return typeof key === 'number' ? (value[key] as unknown) : undefined;
  return typeof key === 'string' && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** Builds `has(a.b)`: whether there is a field. */
export function buildHas(builder: Builder, node: ASTNode, argument: ASTNode, scope: Scope): Built {
  if (argument.op !== '.' && argument.op !== '.?')
    return refuse('has() takes a field: has(event.data.x)', argument);
  const object = builder.build(argument.args[0], scope);
  const name = argument.args[1];
  typeOfEntry(object.type, undefined, argument);
  const run: Run = (frame) => {
    const value = object.run(frame);
    const inner = value instanceof Optional ? value.value : value;
    if (inner === undefined) return false;
    if (isMap(inner)) return lookUp(inner, name) !== undefined;
    return inner instanceof Fault ? inner : noOverload(`${kindOf(inner)} has no fields`);
  };
  return { type: BOOL, run, steps: stepsOf(object), offset: offsetOf(node) };
}

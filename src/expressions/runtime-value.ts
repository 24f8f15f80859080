/** The types of CEL's values; `dyn` is known when an expression runs, `error` is what a failed one gives. */
export type Kind =
  | 'bool'
  | 'bytes'
  | 'double'
  | 'duration'
  | 'dyn'
  | 'error'
  | 'int'
  | 'list'
  | 'map'
  | 'null'
  | 'optional_type'
  | 'string'
  | 'timestamp'
  | 'type'
  | 'uint';

/**
 * A value that JSON does not have. All others are plain: a double is a number, an int a bigint, bytes are a Uint8Array,
 * lists are arrays, and maps are objects as JSON.parse makes them, or {@link CelMap}s where an expression makes them.
 */
export abstract class RuntimeValue {
  abstract readonly kind: Kind;
}

/** An unsigned integer of 64 bits. */
export class Uint extends RuntimeValue {
  readonly kind = 'uint';

  constructor(readonly value: bigint) {
    super();
  }
}

/** A type as a value: `type(1) == int`. */
export class TypeValue extends RuntimeValue {
  readonly kind = 'type';

  constructor(readonly name: string) {
    super();
  }
}

/** A value that may be absent: `event.?data`. */
export class Optional extends RuntimeValue {
  static readonly NONE = new Optional(undefined);
  readonly kind = 'optional_type';

  /** `value` is undefined where there is none. */
  constructor(readonly value: unknown) {
    super();
  }
}

/** What a map is asked for: numbers of the same value are the same key, whatever their type. */
export type MapKey = string | boolean | bigint;

/** A map that an expression has made; keys may be bools, ints, uints and strings. */
export class CelMap extends RuntimeValue {
  readonly kind = 'map';
  private readonly entries = new Map<MapKey, readonly [key: unknown, value: unknown]>();

  /** Adds an entry. False if the key is there already. */
  add(at: MapKey, key: unknown, value: unknown): boolean {
    if (this.entries.has(at)) return false;
    this.entries.set(at, [key, value]);
    return true;
  }

  /** The value of a key; undefined if there is none. */
  get(at: MapKey): unknown {
    return this.entries.get(at)?.[1];
  }

  /** The keys as they were written. */
  keys(): unknown[] {
    return [...this.entries.values()].map(([key]) => key);
  }

  get size(): number {
    return this.entries.size;
  }
}

/** The type of a value at run time. */
export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'number':
      return 'double';
    case 'bigint':
      return 'int';
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
  }
  if (value === null || value === undefined) return 'null';
  if (value instanceof RuntimeValue) return value.kind;
  if (Array.isArray(value)) return 'list';
  return value instanceof Uint8Array ? 'bytes' : 'map';
}

/** True for a map, of an event or of an expression. */
export function isMap(value: unknown): value is object {
  return kindOf(value) === 'map';
}

/** A value as the key of a map; undefined if no map has such a key. */
export function mapKey(value: unknown): MapKey | undefined {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  return value instanceof Uint ? value.value : undefined;
}

/** The value of a key in a map; undefined if there is none. */
export function lookUp(map: object, key: unknown): unknown {
  if (map instanceof CelMap) {
    const at = mapKey(key);
    return at === undefined ? undefined : map.get(at);
  }
  return typeof key === 'string' && Object.hasOwn(map, key)
    ? (map as Record<string, unknown>)[key]
    : undefined;
}

/** Steps per key of listing a map: an object of thousands of keys is a hash table. */
export const KEY_STEPS = 3;

/** The keys of a map, in the order they were written. */
export function keysOf(map: object): unknown[] {
  return map instanceof CelMap ? map.keys() : Object.keys(map);
}

/** How many entries a map has. */
export function sizeOf(map: object): number {
  return map instanceof CelMap ? map.size : Object.keys(map).length;
}

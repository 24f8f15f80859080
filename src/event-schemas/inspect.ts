import { nearest } from '../platform/nearest.js';
import { costOf, isScalar, lookingAtSameValue } from './cost.js';
import type { JsonSchema } from './schema-config.js';

/** What is wrong with a schema, and where in it. */
export interface SchemaFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What was found in a schema. */
export interface Inspected {
  readonly faults: readonly SchemaFault[];
  /** Subschemas and values in lists, each counted as often as a `$ref` leads to it. */
  readonly parts: number;
}

/** What a dialect of JSON Schema knows. */
export interface Dialect {
  readonly keywords: readonly string[];
}

/** The most {@link Inspected.parts} of one schema: it bounds what an event can cost. */
const MAX_PARTS = 1_000;
const MAX_DEPTH = 64;
/** Items of one scalar type are looked up, others are compared each with each other. */
const MAX_UNIQUE_SCALARS = 1_000;
const MAX_UNIQUE_ITEMS = 100;
/** In units of {@link costOf}: what an event may cost, some ten milliseconds. */
const MAX_COST = 500_000;

/** Keywords whose value is a schema, or a list or a map of them (or of lists of names). */
const WITH_SCHEMA = new Set(
  `additionalItems additionalProperties allOf anyOf contains definitions $defs dependencies dependentRequired
  dependentSchemas else if
  items not oneOf prefixItems properties propertyNames then unevaluatedItems unevaluatedProperties`.split(
    /\s+/,
  ),
);
/** Of those, the ones whose value maps names to schemas. */
const MAPS = new Set([
  'definitions',
  '$defs',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'properties',
]);

/** More of a key than this is in no typing error. */
const LONGEST_KEYWORD = 64;

const REGEXP =
  'regular expressions are not supported: one of a few letters can keep the API busy for hours; use enum, const, minLength or maxLength';
const REFERENCE = 'is not supported: only $ref, to a place in the same schema such as #/$defs/address';
const REFUSED: Readonly<Record<string, string>> = {
  pattern: REGEXP,
  patternProperties: REGEXP,
  $schema: 'can stand at the top alone',
  $id: 'can stand at the top alone',
  $anchor: REFERENCE,
  $dynamicRef: REFERENCE,
  $dynamicAnchor: REFERENCE,
  $recursiveRef: REFERENCE,
  $recursiveAnchor: REFERENCE,
  $async: 'is no keyword of JSON Schema',
  id: 'is written $id',
};

/**
 * Looks through a schema for what Headgate does not take: keywords that the dialect does not know (in a typing error a
 * rule would be lost in silence), regular expressions, references that lead out of the schema, nowhere, or back to where
 * they are, and more parts than an event should pass through. Every schema that gets by is checked in a time that
 * is bounded by its size and the event's.
 */
export function inspectSchema(schema: JsonSchema, dialect: Dialect): Inspected {
  const inspection = new Inspection(schema, dialect);
  inspection.visit(schema, []);
  if (inspection.faults.size === 0) inspection.weigh();
  return { faults: [...inspection.faults.values()], parts: inspection.parts };
}

class Inspection {
  /** By place and message: a schema that several references lead to is at fault once. */
  readonly faults = new Map<string, SchemaFault>();
  parts = 0;
  private depth = 0;
  /** The targets of the references that have led here. */
  private readonly following = new Set<unknown>();
  private readonly known: ReadonlySet<string>;

  constructor(
    private readonly root: JsonSchema,
    dialect: Dialect,
  ) {
    this.known = new Set(dialect.keywords);
  }

  visit(schema: unknown, path: SchemaFault['path']): void {
    if (!this.count(1)) return;
    // What is no schema is told by the dialect's own.
    if (!isMap(schema)) return;
    if (this.depth === MAX_DEPTH) return this.fault(path, `is nested more than ${MAX_DEPTH} levels deep`);
    this.depth++;
    for (const [keyword, value] of Object.entries(schema)) this.look(keyword, value, schema, path);
    this.depth--;
  }

  /** False once there are too many. */
  private count(parts: number): boolean {
    this.parts += parts;
    if (this.parts <= MAX_PARTS) return true;
    const message = `has more than ${MAX_PARTS} subschemas and listed values, those that a $ref leads to each time`;
    this.fault([], message);
    return false;
  }

  /** Once all references are known to lead somewhere. */
  weigh(): void {
    if (costOf(this.root, (ref) => this.targetOf(ref)) <= MAX_COST) return;
    this.fault(
      [],
      'could take too long for one event: give lists a maxItems and maps a maxProperties, or list fewer alternatives',
    );
  }

  private targetOf(ref: string): unknown {
    return keysOf(decoded(ref)).reduce<unknown>(
      (value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined),
      this.root,
    );
  }

  private look(keyword: string, value: unknown, schema: JsonSchema, at: SchemaFault['path']): void {
    const path = [...at, keyword];
    if (Array.isArray(value)) this.count(value.length);
    const refused = Object.hasOwn(REFUSED, keyword) ? REFUSED[keyword] : undefined;
    if (refused !== undefined) this.fault(path, refused);
    else if (keyword === '$ref') this.follow(value, path);
    else if (keyword === 'uniqueItems' && value === true) this.boundItems(schema, path);
    else if (keyword.startsWith('unevaluated') && this.known.has(keyword))
      this.checkUnevaluated(keyword, value, schema, path);
    else if (!this.known.has(keyword) && !keyword.startsWith('x-')) this.unknown(keyword, path);
    else if (WITH_SCHEMA.has(keyword)) this.visitAll(keyword, value, path);
  }

  private visitAll(keyword: string, value: unknown, path: SchemaFault['path']): void {
    if (Array.isArray(value)) value.forEach((each, index) => this.visit(each, [...path, index]));
    else if (!MAPS.has(keyword)) this.visit(value, path);
    else if (isMap(value))
      for (const [name, each] of Object.entries(value)) {
        if (name === '__proto__')
          this.fault([...path, name], 'cannot be checked: a key of this name is not supported here');
        if (Array.isArray(each)) this.count(each.length);
        this.visit(each, [...path, name]);
      }
  }

  private follow(ref: unknown, path: SchemaFault['path']): void {
    if (typeof ref !== 'string' || !/^#(\/|$)/.test(ref))
      return this.fault(path, 'must lead to a place in the same schema, such as #/$defs/address');
    const keys = keysOf(decoded(ref));
    const target = this.targetOf(ref);
    if (target === undefined) return this.fault(path, `${ref} is not in the schema`);
    if (target === this.root || this.following.has(target))
      return this.fault(path, 'leads back to itself: schemas that repeat themselves are not supported');
    this.following.add(target);
    this.visit(target, keys);
    this.following.delete(target);
  }

  private boundItems({ maxItems, items }: JsonSchema, path: SchemaFault['path']): void {
    const most = isScalar(items) ? MAX_UNIQUE_SCALARS : MAX_UNIQUE_ITEMS;
    if (typeof maxItems === 'number' && maxItems <= most) return;
    this.fault(
      path,
      `needs a maxItems of ${most} or less beside it: items are compared pair by pair` +
        (most === MAX_UNIQUE_ITEMS
          ? `; of ${MAX_UNIQUE_SCALARS}, where items have a type other than object and array`
          : ''),
    );
  }

  /** Beside some keywords the validator does not know what has been evaluated. */
  private checkUnevaluated(
    keyword: string,
    value: unknown,
    schema: JsonSchema,
    path: SchemaFault['path'],
  ): void {
    const found = hidesEvaluated(keyword, schema, (ref) => this.targetOf(ref));
    if (found !== undefined) this.fault(path, `is not supported beside ${found}`);
    this.visit(value, path);
  }

  private unknown(keyword: string, path: SchemaFault['path']): void {
    const meant = nearest(keyword.slice(0, LONGEST_KEYWORD), [...this.known]);
    const hint = meant === undefined ? 'one of your own begins with x-' : `did you mean "${meant}"?`;
    this.fault(path, `is no keyword of this dialect; ${hint}`);
  }

  private fault(path: SchemaFault['path'], message: string): void {
    this.faults.set(`${path.join('/')} ${message}`, { path, message });
  }
}

/** The keys of a JSON pointer, also of one in a URI fragment. @see RFC 6901 */
export function keysOf(pointer: string): string[] {
  const keys = pointer.split('/').slice(1);
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function decoded(ref: string): string {
  try {
    return decodeURIComponent(ref);
  } catch {
    return ref;
  }
}

function isMap(value: unknown): value is JsonSchema {
  return isObject(value) && !Array.isArray(value);
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null;
}

/**
 * What, among the schemas that look at the same value, keeps the validator (ajv 8.20) from knowing which items or properties
 * have been evaluated: valid events would be refused and invalid ones taken.
 * @param keyword `unevaluatedItems` or `unevaluatedProperties`
 * @param resolve the schema that a `$ref` leads to
 * @returns in words; undefined where there is nothing of the kind
 */
function hidesEvaluated(
  keyword: string,
  schema: JsonSchema,
  resolve: (ref: string) => unknown,
): string | undefined {
  const ofItems = keyword === 'unevaluatedItems';
  for (const each of lookingAtSameValue(schema, resolve)) {
    if (ofItems && Object.hasOwn(each, 'contains')) return 'contains';
    if (ofItems && each !== schema && Object.hasOwn(each, 'items'))
      return 'items of a schema within allOf, anyOf or the like';
    if (Object.hasOwn(each, 'if') && !(Object.hasOwn(each, 'then') && Object.hasOwn(each, 'else')))
      return 'an if without both then and else';
  }
  return undefined;
}

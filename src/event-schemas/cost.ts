import type { JsonSchema } from './schema-config.js';

/** The most keys and items of an event. */
const MAX_VALUES = 10_000;
/** Of alternatives each that does not fit costs an error that is made and thrown away. */
const ALTERNATIVE = 10;
/** A property that is asked for and may be missing. */
const LOOK_UP = 0.4;
/** A listed value that is an object or a list is compared in depth. */
const IN_DEPTH = 4;
/** Items that are objects or lists are compared in depth as well. */
const COMPARISON = 10;
/** Schemas and places that are looked at before a schema counts as too entangled. */
const MAX_STEPS = 100_000;

/** Keywords whose schemas look at the same value, and whether they are alternatives. */
const IN_PLACE: Readonly<Record<string, boolean>> = {
  allOf: false,
  anyOf: true,
  oneOf: true,
  not: true,
  if: true,
  then: false,
  else: false,
  dependentSchemas: false,
  dependencies: false,
};
const OF_ITEMS = ['items', 'additionalItems', 'unevaluatedItems', 'contains'];
const OF_PROPERTIES = ['additionalProperties', 'unevaluatedProperties'];

/** A schema that looks at a value, and how much what it does weighs. */
interface Looking {
  readonly schema: JsonSchema;
  readonly weight: number;
}

/** Schemas that all look at the values of one place, and how many such values an event may have. */
interface Place {
  readonly looking: readonly Looking[];
  readonly values: number;
}

/**
 * How much the largest event that there can be would cost to check, in units of some 25 ns: what each place of it is looked
 * at by, times how many values an event can have there. A list or map without an end counts as 10,000.
 * @param resolve the schema that a `$ref` leads to; references do not lead back to themselves
 */
export function costOf(schema: JsonSchema, resolve: (ref: string) => unknown): number {
  const places: Place[] = [{ looking: expanded([schema], 1, resolve), values: 1 }];
  let [total, most, compared, steps] = [0, 0, 0, 0];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { looking, values } = place;
    steps += looking.length;
    if (steps > MAX_STEPS) return Infinity;
    const each = looking.reduce((sum, one) => sum + one.weight + comparing(one.schema), 0);
    most = Math.max(most, each);
    total += values * each;
    compared += looking.reduce((sum, { schema: one }) => sum + comparisons(one, values), 0);
    places.push(...placesWithin(place, resolve));
  }
  // An event has no more values than that, wherever they are.
  return Math.min(total, MAX_VALUES * most) + compared;
}

/** What a schema compares at one value, without the schemas in it. */
function comparing(schema: JsonSchema): number {
  const listed = Array.isArray(schema.enum) ? schema.enum : [];
  const required = Array.isArray(schema.required) ? schema.required.length : 0;
  const inDepth = listed.filter((each) => typeof each === 'object').length;
  const names = Object.keys(mapOf(schema.properties)).length;
  return listed.length + IN_DEPTH * inDepth + LOOK_UP * (names + required);
}

/** Comparisons of unique items over all lists of a place. */
function comparisons({ uniqueItems, maxItems, items }: JsonSchema, lists: number): number {
  if (uniqueItems !== true || isScalar(items)) return 0;
  const length = typeof maxItems === 'number' ? maxItems : MAX_VALUES;
  return (COMPARISON * Math.min(lists * length, MAX_VALUES) * length) / 2;
}

/** Items of such a type are looked up rather than compared with each other. */
export function isScalar(items: unknown): boolean {
  const types = isMap(items) ? [items.type ?? 'object'].flat() : ['object'];
  return types.every((type) => type !== 'object' && type !== 'array');
}

/** A schema and the schemas in it that look at the same value. References that lead back to themselves are not followed on. */
export function lookingAtSameValue(schema: JsonSchema, resolve: (ref: string) => unknown): JsonSchema[] {
  const found = new Set<JsonSchema>();
  const waiting: unknown[] = [schema];
  while (waiting.length > 0) {
    const each = waiting.pop();
    if (!isMap(each) || found.has(each)) continue;
    found.add(each);
    for (const keyword of Object.keys(IN_PLACE)) waiting.push(...schemasOf(keyword, each[keyword]));
    if (typeof each.$ref === 'string') waiting.push(resolve(each.$ref));
  }
  return [...found];
}

function schemasOf(keyword: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return keyword.startsWith('depend') ? Object.values(mapOf(value)) : [value];
}

/** With all that looks at the same value. */
function expanded(schemas: readonly unknown[], weight: number, resolve: (ref: string) => unknown): Looking[] {
  return schemas.filter(isMap).flatMap((schema) => {
    const within = Object.entries(IN_PLACE).flatMap(([keyword, alternative]) => {
      return expanded(schemasOf(keyword, schema[keyword]), alternative ? ALTERNATIVE : weight, resolve);
    });
    const target = typeof schema.$ref === 'string' ? expanded([resolve(schema.$ref)], weight, resolve) : [];
    return [{ schema, weight }, ...within, ...target];
  });
}

/** The places of the values in the values of a place. */
function placesWithin({ looking, values }: Place, resolve: (ref: string) => unknown): Place[] {
  const at = (keywords: readonly string[]): Looking[] =>
    looking.flatMap(({ schema, weight }) =>
      expanded(
        keywords.flatMap((keyword) => schema[keyword]),
        weight,
        resolve,
      ),
    );
  const bounded = (keyword: 'maxItems' | 'maxProperties'): number => {
    const bounds = looking.map(({ schema }) => schema[keyword]).filter((each) => typeof each === 'number');
    return Math.min(values * Math.min(...bounds, MAX_VALUES), MAX_VALUES);
  };
  const items = at([...OF_ITEMS, 'prefixItems']);
  const rest = at(OF_PROPERTIES);
  const names = at(['propertyNames']);
  const named = new Set(looking.flatMap(({ schema }) => Object.keys(mapOf(schema.properties))));
  return [
    ...(items.length > 0 ? [{ looking: items, values: bounded('maxItems') }] : []),
    ...(rest.length > 0 ? [{ looking: rest, values: bounded('maxProperties') }] : []),
    ...(names.length > 0 ? [{ looking: names, values: bounded('maxProperties') }] : []),
    ...[...named].map((name): Place => {
      const own = looking.flatMap(({ schema, weight }) =>
        expanded([mapOf(schema.properties)[name]], weight, resolve),
      );
      return { looking: [...own, ...rest], values };
    }),
  ];
}

function mapOf(value: unknown): JsonSchema {
  return isMap(value) ? value : {};
}

function isMap(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

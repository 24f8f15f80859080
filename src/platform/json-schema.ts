/**
 * JSON Schema that knows the type of what fits it: the schema that is checked, the type that is compiled against, and what
 * is printed are one expression. TypeBox does the same, and takes 0.1 s of each start; see decision 77.
 */
declare const OF: unique symbol;

/** Marks a property that may be absent. Not enumerated in JSON, and copied with the schema. */
const OPTIONAL = Symbol('optional');

/** A schema of values of a type. */
export interface Schema<T = unknown> {
  readonly [keyword: string]: unknown;
  /** Known to the compiler alone. */
  readonly [OF]?: T;
}

/** A schema of a property that may be absent. */
export interface Optional<T = unknown> extends Schema<T> {
  readonly [OPTIONAL]: true;
}

/** The schemas of an object's properties. */
export type Properties = Readonly<Record<string, Schema>>;

/** A schema of objects. */
export interface ObjectSchema<T = unknown> extends Schema<T> {
  readonly properties: Properties;
}

/** The type of what fits a schema. */
export type Wire<S extends Schema> = S extends Schema<infer T> ? T : never;

type Object_<P extends Properties> = Flat<
  { readonly [K in keyof P as P[K] extends Optional ? never : K]: Wire<P[K]> } & {
    readonly [K in keyof P as P[K] extends Optional ? K : never]?: Wire<P[K]>;
  }
>;

type Flat<T> = { readonly [K in keyof T]: T[K] };

/** Further keywords of a schema: what it is for, and its bounds. One with a `title` is a component of the OpenAPI document. */
type Keywords = Readonly<Record<string, unknown>>;

/** A schema as it is written, of values of a type. */
export function raw<T>(schema: Keywords): Schema<T> {
  return schema;
}

/** A text. */
export function text(keywords: Keywords = {}): Schema<string> {
  return { type: 'string', ...keywords };
}

/** A whole number. */
export function integer(keywords: Keywords = {}): Schema<number> {
  return { type: 'integer', ...keywords };
}

/** A number. */
export function number(keywords: Keywords = {}): Schema<number> {
  return { type: 'number', ...keywords };
}

/** True or false. */
export function flag(keywords: Keywords = {}): Schema<boolean> {
  return { type: 'boolean', ...keywords };
}

/** Any JSON. */
export function anything(keywords: Keywords = {}): Schema<unknown> {
  return keywords;
}

/** One value. */
export function literal<const T extends string | number | boolean>(value: T): Schema<T> {
  return { const: value };
}

/** One of some texts. */
export function choice<const V extends readonly string[]>(
  values: V,
  keywords: Keywords = {},
): Schema<V[number]> {
  return { type: 'string', enum: values, ...keywords };
}

/** A list. */
export function list<T>(items: Schema<T>, keywords: Keywords = {}): Schema<readonly T[]> {
  return { type: 'array', items, ...keywords };
}

/** An object whose keys are not known beforehand. */
export function map<T>(values: Schema<T>, keywords: Keywords = {}): Schema<Readonly<Record<string, T>>> {
  return { type: 'object', additionalProperties: values, ...keywords };
}

/** What fits one of some schemas. */
export function either<const S extends readonly Schema[]>(
  schemas: S,
  keywords: Keywords = {},
): Schema<Wire<S[number]>> {
  return { anyOf: schemas, ...keywords };
}

/** Of a property: it may be absent. One with a default may be too, and has it then. */
export function optional<T>(schema: Schema<T>): Optional<T> {
  return { ...schema, [OPTIONAL]: true };
}

/** An object without other properties than these. */
export function closed<P extends Properties>(
  properties: P,
  keywords: Keywords = {},
): ObjectSchema<Object_<P>> {
  return { ...object(properties), additionalProperties: false, ...keywords };
}

/** An object with these properties, and others. */
export function object<P extends Properties>(
  properties: P,
  keywords: Keywords = {},
): ObjectSchema<Object_<P>> {
  const required = Object.entries(properties)
    .filter(([, schema]) => !(OPTIONAL in schema) && schema.default === undefined)
    .map(([name]) => name);
  return { type: 'object', ...(required.length > 0 && { required }), properties, ...keywords };
}

/** A number of things. */
export function count(description: string): Schema<number> {
  return integer({ description, minimum: 0 });
}

/** A moment as the API writes it: RFC 3339. */
export function moment(description: string): Schema<string> {
  return text({ description: `${description} RFC 3339.`, examples: ['2024-03-10T12:00:00.000Z'] });
}

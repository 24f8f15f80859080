/**
 * What a tenant's file is described with. An option is written once: as JSON Schema that also says what it stands for
 * while it is not set, what it becomes in use, and what the reference says of it. From that come the static types
 * ({@link WrittenOf}, {@link UsedOf}), the defaults (complete.ts), what ajv checks, tenant.schema.json and
 * docs/reference/tenant-file.md.
 */

/** What is said of an option beside its form; `D` is there where it has a default. */
interface About<W, D extends W = W> {
  /** Sentences; each has a line in the reference. */
  readonly what: string;
  /** What it stands for while it is not set, as written in a file. */
  readonly default?: D;
  /** What holds while it is not set, in words: where no one value says it. */
  readonly unset?: string;
  /** A value, as written in a file. A test takes each. */
  readonly example?: W;
}

/** What ends the name of an option in use: durations are written with a unit, and used as milliseconds. */
type Suffix = '' | 'Ms';

declare const MEANING: unique symbol;

/** JSON Schema of what is of type `W` as written and of type `U` in use. */
export interface Schema<
  W = unknown,
  U = unknown,
  S extends Suffix = Suffix,
  HasDefault extends boolean = boolean,
> {
  readonly [keyword: string]: unknown;
  /** Known to the compiler alone. */
  readonly [MEANING]?: readonly [W, U, S, HasDefault];
}

/** The type of what a schema describes, as written. */
export type WrittenOf<T> = T extends Schema<infer W, unknown> ? W : never;

/** The type of what a schema describes, in use: with defaults, durations in milliseconds and sizes in bytes. */
export type UsedOf<T> = T extends Schema<unknown, infer U> ? U : never;

/** Whether a default was given: `D` is `never` where none was. */
type IsThere<D> = [D] extends [never] ? false : true;

/** A schema that is used as it is written. */
type Plain<T, D> = Schema<T, T, '', IsThere<D>>;

/** A schema with what is said of it. */
export function described<T extends Schema>(keywords: object, about?: About<unknown>): T {
  if (about === undefined) return { ...keywords } as T;
  const { what, example, ...others } = about;
  return {
    ...keywords,
    ...others,
    description: what,
    ...(example !== undefined && { examples: [example] }),
  } as unknown as T;
}

/** What a text has to be like. */
interface TextForm {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  /** What to say, after its name, of a text that does not fit the pattern: `must be …`. */
  readonly problem?: string;
}

/** A text. */
export function text<D extends string = never>(form: TextForm, about?: About<string, D>): Plain<string, D> {
  return described({ type: 'string', ...form }, about);
}

/** An expression in CEL. */
export function expression(about: About<string, never>): Plain<string, never> {
  return described({ type: 'string', minLength: 1, maxLength: 10_000, language: 'cel' }, about);
}

/** One of some words. */
export function choice<const T extends string, D extends T = never>(
  words: readonly T[],
  about: About<T, D>,
): Plain<T, D> {
  return described({ enum: words }, about);
}

/** One word, by which a section is chosen among several. */
export function constant<const T extends string>(word: T): Plain<T, never> {
  return { const: word };
}

/** True or false. */
export function flag<D extends boolean = never>(
  about: About<boolean, D>,
): Schema<boolean, boolean, '', IsThere<D>> {
  return described({ type: 'boolean' }, about);
}

/** A whole number, both ends included. */
export function integer<D extends number = never>(
  minimum: number,
  maximum: number,
  about: About<number, D>,
): Schema<number, number, '', IsThere<D>> {
  return described({ type: 'integer', minimum, maximum }, about);
}

/** A number that may have a fraction. */
export function number<D extends number = never>(
  bounds: { readonly minimum: number } | { readonly exclusiveMinimum: number },
  maximum: number,
  about: About<number, D>,
): Schema<number, number, '', IsThere<D>> {
  return described({ type: 'number', ...bounds, maximum }, about);
}

/** A duration with its unit, within bounds; milliseconds in use. */
export function duration<D extends string = never>(
  min: string,
  max: string,
  about?: About<string, D>,
): Schema<string, number, 'Ms', IsThere<D>> {
  return described({ durationBetween: [min, max] }, about);
}

/** A size with its unit or a number of bytes, within bounds; bytes in use. */
export function size<D extends number | string = never>(
  min: string,
  max: string,
  about: About<number | string, D>,
): Schema<number | string, number, '', IsThere<D>> {
  return described({ sizeBetween: [min, max] }, about);
}

/** Something, or a word that stands for having none. */
export function wordOr<const T extends string, W, U, S extends Suffix>(
  word: T,
  schema: Schema<W, U, S>,
  about: About<T | W, never>,
): Schema<T | W, T | U, S, false> {
  return described({ if: { const: word }, then: {}, else: schema }, about);
}

/** How many a list may have. */
interface ListForm {
  readonly minItems?: number;
  readonly maxItems: number;
  readonly uniqueItems?: true;
}

/** A list. */
export function listOf<W, U, S extends Suffix, D extends readonly W[] = never>(
  items: Schema<W, U, S>,
  form: ListForm,
  about: About<readonly W[], D>,
): Schema<readonly W[], readonly U[], S, IsThere<D>> {
  return described({ type: 'array', ...form, items }, about);
}

/** What the names of a map have to be like, and how many there may be. */
interface MapForm {
  readonly maxProperties: number;
  readonly propertyNames?: { readonly pattern: string; readonly problem: string };
}

/** A map whose names are the tenant's own. */
export function mapOf<W, U, D extends Readonly<Record<string, W>> = never>(
  values: Schema<W, U, ''>,
  form: MapForm,
  about: About<Readonly<Record<string, W>>, D>,
): Schema<Readonly<Record<string, W>>, Readonly<Record<string, U>>, '', IsThere<D>> {
  return described({ type: 'object', ...form, additionalProperties: values }, about);
}

/** A map that is looked into elsewhere. */
export function anyMap(about: About<AnyMap, never>): Plain<AnyMap, never> {
  return described({ type: 'object' }, about);
}

/** Any map of JSON. */
export type AnyMap = Readonly<Record<string, unknown>>;

type Properties = Readonly<Record<string, Schema>>;

type WrittenSection<P extends Properties, R> = Flat<
  { readonly [K in keyof P as K extends R ? K : never]: WrittenOf<P[K]> } & {
    readonly [K in keyof P as K extends R ? never : K]?: WrittenOf<P[K]>;
  }
>;

type UsedSection<P extends Properties, R> = Flat<
  { readonly [K in keyof P as IsSet<K, P[K], R> extends true ? Name<K, P[K]> : never]: UsedOf<P[K]> } & {
    readonly [K in keyof P as IsSet<K, P[K], R> extends true ? never : Name<K, P[K]>]?: UsedOf<P[K]>;
  }
>;

type IsSet<K, T, R> = K extends R ? true : T extends Schema<unknown, unknown, Suffix, true> ? true : false;

type Name<K, T> = T extends Schema<unknown, unknown, 'Ms'> ? `${K & string}Ms` : K;

type Flat<T> = { readonly [K in keyof T]: T[K] };

/**
 * A map that knows its keys.
 * @param also conditions beside its keys
 */
export function section<
  const P extends Properties,
  const R extends keyof P & string = never,
  D extends object = never,
>(
  properties: P,
  required: readonly R[],
  about?: About<object, D>,
  also?: { readonly allOf: readonly Schema[] },
): Schema<WrittenSection<P, R>, UsedSection<P, R>, '', IsThere<D>> {
  const needs = required.length > 0 && { required };
  return described({ type: 'object', additionalProperties: false, ...needs, properties, ...also }, about);
}

/** One of several sections, by the word each has as its `kind`: a mistake is told as one of that kind. */
export function byKind<const T extends readonly Schema<{ readonly kind: string }>[]>(
  kinds: T,
  kind: About<WrittenOf<T[number]>['kind'], never>,
  about?: About<WrittenOf<T[number]>, never>,
): Schema<WrittenOf<T[number]>, UsedOf<T[number]>, '', false> {
  const words = kinds.map(({ properties }) => (properties as Record<'kind', { const: string }>).kind.const);
  const form = {
    type: 'object',
    required: ['kind'],
    properties: { kind: choice(words, kind) },
    discriminator: { propertyName: 'kind' },
    oneOf: kinds,
  };
  return described(form, about);
}

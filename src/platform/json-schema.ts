import { Type, type ObjectOptions, type Static, type TProperties, type TSchema } from '@sinclair/typebox';

/** Of JSON that nobody changes: what a schema describes, read-only all the way down. */
export type Wire<S extends TSchema> = Frozen<Static<S>>;

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

/** An object without other properties than these. One with a `title` is a component of the OpenAPI document by that name. */
export function closed<P extends TProperties>(properties: P, options: ObjectOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** One of some texts. As an `enum`, of which ajv can tell the values; TypeBox would make an `anyOf` of constants. */
export function choice<const V extends readonly string[]>(
  values: V,
  options: { readonly description?: string; readonly title?: string } = {},
) {
  return Type.Unsafe<V[number]>({ type: 'string', enum: [...values], ...options });
}

/** A number of things. */
export function count(description: string) {
  return Type.Integer({ description, minimum: 0 });
}

/** A moment as the API writes it: RFC 3339. */
export function moment(description: string) {
  return Type.String({ description: `${description} RFC 3339.`, examples: ['2024-03-10T12:00:00.000Z'] });
}

/** A CEL expression. */
export const EXPRESSION = { type: 'string', minLength: 1, maxLength: 10_000 };

/** A duration as people write it, within bounds. */
export const duration = (min: string, max: string) => ({ durationBetween: [min, max] });
/** A size as people write it, within bounds. */
export const size = (min: string, max: string) => ({ sizeBetween: [min, max] });
/** A map that knows its keys. */
export const section = (properties: object, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

import { lookingAtSameValue } from './cost.js';
import type { JsonSchema } from './schema-config.js';

/**
 * What, among the schemas that look at the same value, keeps the validator (ajv 8.20) from knowing which items or properties
 * have been evaluated: valid events would be refused and invalid ones taken.
 * @param keyword `unevaluatedItems` or `unevaluatedProperties`
 * @param resolve the schema that a `$ref` leads to
 * @returns in words; undefined where there is nothing of the kind
 */
export function hidesEvaluated(
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

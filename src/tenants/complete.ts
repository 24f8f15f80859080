import { parseDuration, parseSize } from '../platform/units.js';
import type { Schema } from './file-schema.js';

/** What is looked at of a schema here. */
interface Keywords {
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly items?: Keywords;
  readonly additionalProperties?: Keywords | false;
  readonly oneOf?: readonly Keywords[];
  readonly allOf?: readonly Keywords[];
  readonly if?: Keywords;
  readonly then?: Keywords;
  readonly else?: Keywords;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly durationBetween?: unknown;
  readonly sizeBetween?: unknown;
}

type Values = Readonly<Record<string, unknown>>;

/**
 * What is written, as it is used: with the defaults of its schema, durations in milliseconds and sizes in bytes.
 * What is used as it is written stays the same object: a list that an anchor shares among many rules is there once.
 * @param written what fits the schema
 */
export function complete<W, U>(schema: Schema<W, U>, written: W): U {
  return usedOf(schema as Keywords, written) as U;
}

function usedOf(schema: Keywords, written: unknown): unknown {
  if (isUsedAsWritten(schema)) return written;
  const { items, additionalProperties: values } = schema;
  if (schema.durationBetween !== undefined) return parseDuration(written);
  if (schema.sizeBetween !== undefined) return parseSize(written);
  if (schema.if?.const !== undefined) return usedOf(chosen(schema, written), written);
  if (items !== undefined) return (written as readonly unknown[]).map((each) => usedOf(items, each));
  if (typeof values !== 'object') return usedSection(schema, written as Values);
  const entries = Object.entries(written as Values);
  return Object.fromEntries(entries.map(([name, each]) => [name, usedOf(values, each)]));
}

function usedSection(schema: Keywords, written: Values): Values {
  const used: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(propertiesOf(schema, written))) {
    const value = written[key] ?? property.default;
    if (value !== undefined) used[isDuration(property) ? `${key}Ms` : key] = usedOf(property, value);
  }
  return used;
}

/** The section's own, and those of the branches that apply to what is written. */
function propertiesOf(schema: Keywords, written: Values): Readonly<Record<string, Keywords>> {
  const kind = schema.oneOf?.find(({ properties }) => properties?.kind?.const === written.kind);
  const branches = [...(kind === undefined ? [] : [kind]), ...(schema.allOf ?? [])];
  if (schema.if !== undefined) branches.push(chosen(schema, written));
  if (branches.length === 0) return schema.properties ?? {};
  const all = [schema.properties ?? {}, ...branches.map((each) => propertiesOf(each, written))];
  // What is empty stands for what another part says of the key.
  return Object.fromEntries(
    all.flatMap(Object.entries<Keywords>).filter(([, each]) => Object.keys(each).length > 0),
  );
}

/** The branch of `if` that applies. A condition is a value, or the value of a key. */
function chosen(schema: Keywords, written: unknown): Keywords {
  const { const: value, properties = {} } = schema.if!;
  const holds =
    value !== undefined
      ? written === value
      : Object.entries(properties).every(([key, each]) => (written as Values)[key] === each.const);
  return (holds ? schema.then : schema.else) ?? {};
}

function isDuration({ durationBetween, items, else: other }: Keywords): boolean {
  return (durationBetween ?? items?.durationBetween ?? other?.durationBetween) !== undefined;
}

const USED_AS_WRITTEN = new WeakMap<Keywords, boolean>();

/** True where nothing below has a default or another form in use. */
function isUsedAsWritten(schema: Keywords): boolean {
  const known = USED_AS_WRITTEN.get(schema);
  if (known !== undefined) return known;
  const { properties = {}, items, additionalProperties: values, oneOf = [], allOf = [] } = schema;
  const keys = Object.values(properties);
  const branches = [schema.then, schema.else, items, values || undefined, ...oneOf, ...allOf];
  const below = [...keys, ...branches].filter((each) => each !== undefined);
  const isSo =
    schema.durationBetween === undefined &&
    schema.sizeBetween === undefined &&
    keys.every((each) => each.default === undefined) &&
    below.every(isUsedAsWritten);
  USED_AS_WRITTEN.set(schema, isSo);
  return isSo;
}

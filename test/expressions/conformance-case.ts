import { Duration } from '../../src/expressions/duration.js';
import { Fault } from '../../src/expressions/fault.js';
import {
  CelMap,
  Optional,
  TypeValue,
  Uint,
  isMap,
  keysOf,
  lookUp,
  mapKey,
} from '../../src/expressions/runtime-value.js';
import type { Kind } from '../../src/expressions/runtime-value.js';
import { Timestamp } from '../../src/expressions/timestamp.js';
import type { Type } from '../../src/expressions/type.js';

/** A value as the suite writes it: protobuf's JSON. */
export type ProtoValue = Readonly<Record<string, unknown>>;

/** A case of google/cel-spec, tests/simple, as `@bufbuild/cel-spec` has it. */
export interface ConformanceCase {
  readonly name?: string;
  readonly expr: string;
  readonly value?: ProtoValue;
  readonly typedResult?: { readonly result?: ProtoValue };
  readonly evalError?: unknown;
  readonly typeEnv?: readonly { readonly name: string; readonly ident?: { readonly type: object } }[];
  readonly bindings?: Readonly<Record<string, { readonly value: ProtoValue }>>;
  readonly checkOnly?: boolean;
}

interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: ConformanceCase }[];
}

/** All cases of a suite, by the names of the sections they are in. */
export function casesOf(suite: Suite, path = ''): (readonly [title: string, test: ConformanceCase])[] {
  return [
    ...(suite.suites ?? []).flatMap((inner) => casesOf(inner, `${path}/${inner.name}`)),
    ...(suite.tests ?? []).map(({ original }) => [`${path}/${original.name}`, original] as const),
  ];
}

const PREFIX = 'type.googleapis.com/google.protobuf.';

/** A value of the suite as the evaluator has it; undefined if JSON and CEL's own types do not have it. */
export function fromProto(value: ProtoValue): unknown {
  const [[field, content]] = Object.entries(value) as [[string, never]];
  switch (field) {
    case 'int64Value':
      return BigInt(content);
    case 'uint64Value':
      return new Uint(BigInt(content));
    case 'doubleValue':
      return Number(content);
    case 'bytesValue':
      return new Uint8Array(Buffer.from(content, 'base64'));
    case 'nullValue':
      return null;
    case 'typeValue':
      return new TypeValue(content);
    case 'listValue':
      return ((content as { values?: ProtoValue[] }).values ?? []).map(fromProto);
    case 'mapValue':
      return mapFrom((content as { entries?: { key: ProtoValue; value: ProtoValue }[] }).entries ?? []);
    case 'enumValue':
      return undefined;
    case 'objectValue':
      return objectFrom(content as { '@type': string; value: string });
    default:
      return content;
  }
}

function mapFrom(entries: readonly { key: ProtoValue; value: ProtoValue }[]): CelMap {
  const map = new CelMap();
  for (const { key, value } of entries) {
    const of = fromProto(key);
    map.add(mapKey(of)!, of, fromProto(value));
  }
  return map;
}

function objectFrom({ '@type': type, value }: { '@type': string; value: string }): unknown {
  if (type === `${PREFIX}Duration`) return Duration.parse(value);
  return type === `${PREFIX}Timestamp` ? Timestamp.parse(value) : undefined;
}

/** A value in a form that is the same for what CEL holds for the same, types included. */
export function canonical(value: unknown): unknown {
  if (typeof value === 'bigint') return `int ${value}`;
  if (typeof value === 'number') return `double ${Object.is(value, -0) ? 0 : value}`;
  if (typeof value === 'string') return `string ${value}`;
  if (value instanceof Uint) return `uint ${value.value}`;
  if (value instanceof Timestamp || value instanceof Duration) return `${value.kind} ${value.toString()}`;
  if (value instanceof TypeValue) return `type ${value.name}`;
  if (value instanceof Fault) return `error ${value.reason}`;
  if (value instanceof Optional) return { optional: canonical(value.value) };
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(canonical);
  if (!isMap(value)) return value;
  const entries = keysOf(value).map(
    (key) => [String(canonical(key)), canonical(lookUp(value, key))] as const,
  );
  return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}

const PRIMITIVES: Readonly<Record<string, Kind>> = {
  BOOL: 'bool',
  INT64: 'int',
  UINT64: 'uint',
  DOUBLE: 'double',
  STRING: 'string',
  BYTES: 'bytes',
  TIMESTAMP: 'timestamp',
  DURATION: 'duration',
};

/** A declared type; undefined for messages and what else JSON does not have. */
export function typeFrom(type: object): Type | undefined {
  const [[field, content]] = Object.entries(type) as [[string, never]];
  if (field === 'primitive' || field === 'wellKnown')
    return PRIMITIVES[content] && { kind: PRIMITIVES[content] };
  if (field === 'listType') return { kind: 'list', of: typeFrom((content as { elemType: object }).elemType) };
  if (field === 'mapType') return { kind: 'map', of: typeFrom((content as { valueType: object }).valueType) };
  if (field === 'dyn') return { kind: 'dyn' };
  if (field === 'null') return { kind: 'null' };
  return field === 'type' ? { kind: 'type' } : undefined;
}

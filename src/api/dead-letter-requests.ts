import type { ErrorObject } from 'ajv';
import { HeadgateError } from '../errors.js';
import { ownSchema, type OwnValidator } from '../tenants/own-schema.js';
import { DEAD_REASONS, type DeadReason } from '../workflows/messages/deliveries.js';
import type { DeadLetterFilter } from '../workflows/messages/resolve.js';

/** A filter as it is written in a query or a body: times are RFC 3339. */
interface WrittenFilter {
  readonly subscription?: string;
  readonly reason?: DeadReason;
  readonly type?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Query of a list: the filter, and which page. */
export interface ListQuery {
  readonly filter: DeadLetterFilter;
  readonly limit: number;
  readonly pageToken?: string;
}

/** Query of one dead letter: which of its events. */
export interface ShowQuery {
  readonly eventsFrom: number;
  readonly limit: number;
}

/** Body of a redrive or discard of many. */
export interface ManyBody {
  readonly filter: DeadLetterFilter;
  readonly eventsPerSecond: number;
  readonly reason?: string;
}

/** Events let go per second by a redrive or discard of many, unless it says otherwise. */
const EVENTS_PER_SECOND = 1_000;

const IN_BODY = { useDefaults: true };
/** Everything in a query is text. */
const IN_QUERY = { useDefaults: true, coerceTypes: true };

const time = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$',
};
const filter = {
  subscription: { type: 'string', pattern: '^[a-z][a-z0-9_-]{0,62}$' },
  reason: { enum: DEAD_REASONS },
  type: { type: 'string', pattern: '^(\\*|[^*\\s]{1,255}\\*?)$' },
  from: time,
  to: time,
};
const why = { type: 'string', minLength: 1, maxLength: 1_000 };
const strict = { type: 'object', additionalProperties: false };
const many = {
  filter: { ...strict, properties: filter },
  eventsPerSecond: { type: 'integer', minimum: 1, maximum: 100_000, default: EVENTS_PER_SECOND },
  reason: why,
};

const isFilter = ownSchema<WrittenFilter>({ ...strict, properties: filter }, IN_QUERY);
const isList = ownSchema<WrittenFilter & { limit: number; pageToken?: string }>(
  {
    ...strict,
    properties: {
      ...filter,
      limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
      pageToken: { type: 'string', minLength: 1, maxLength: 2_000 },
    },
  },
  IN_QUERY,
);
const isShow = ownSchema<ShowQuery>(
  {
    ...strict,
    properties: {
      eventsFrom: { type: 'integer', minimum: 0, maximum: 10_000_000, default: 0 },
      limit: { type: 'integer', minimum: 0, maximum: 200, default: 20 },
    },
  },
  IN_QUERY,
);
type WrittenMany = Omit<ManyBody, 'filter'> & { readonly filter: WrittenFilter };
const isRedrive = ownSchema<{ reason?: string }>({ ...strict, properties: { reason: why } }, IN_BODY);
const isDiscard = ownSchema<{ reason: string }>(
  {
    ...strict,
    properties: { reason: why },
    required: ['reason'],
  },
  IN_BODY,
);
// An empty filter is every dead letter there is; it has to be written, so that none is forgotten.
const isManyRedriven = ownSchema<WrittenMany>({ ...strict, properties: many, required: ['filter'] }, IN_BODY);
const isManyDiscarded = ownSchema<WrittenMany>(
  {
    ...strict,
    properties: many,
    required: ['filter', 'reason'],
  },
  IN_BODY,
);

type Query = Readonly<Record<string, string | string[] | undefined>>;

/** Reads the query of a list. @throws HeadgateError `PARAMETER_INVALID` */
export function parseListQuery(query: Query): ListQuery {
  const { limit, pageToken, ...written } = parameters(query, isList);
  return { filter: filterOf(written, 'PARAMETER_INVALID'), limit, pageToken };
}

/** Reads the query of an export. @throws HeadgateError `PARAMETER_INVALID` */
export function parseFilterQuery(query: Query): DeadLetterFilter {
  return filterOf(parameters(query, isFilter), 'PARAMETER_INVALID');
}

/** Reads the query of one dead letter. @throws HeadgateError `PARAMETER_INVALID` */
export function parseShowQuery(query: Query): ShowQuery {
  return parameters(query, isShow);
}

/** Reads the body of a redrive, which may be empty, or of a discard. @throws HeadgateError `BODY_MALFORMED` */
export function parseOne(body: Buffer, outcome: 'redriven' | 'discarded'): { readonly reason?: string } {
  return bodyOf<{ reason?: string }>(body, outcome === 'redriven' ? isRedrive : isDiscard);
}

/** Reads the body of a redrive or discard of many. @throws HeadgateError `BODY_MALFORMED` */
export function parseMany(body: Buffer, outcome: 'redriven' | 'discarded'): ManyBody {
  const written = bodyOf(body, outcome === 'redriven' ? isManyRedriven : isManyDiscarded);
  return { ...written, filter: filterOf(written.filter, 'BODY_MALFORMED') };
}

function filterOf(
  { from, to, ...rest }: WrittenFilter,
  code: 'PARAMETER_INVALID' | 'BODY_MALFORMED',
): DeadLetterFilter {
  const times = Object.entries({ from, to }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Date.parse(value)] as const],
  );
  const wrong = times.find(([, ms]) => Number.isNaN(ms));
  if (wrong !== undefined) throw new HeadgateError(code, `"${wrong[0]}" is no time.`);
  return { ...rest, ...Object.fromEntries(times) };
}

function parameters<T>(query: Query, isValid: OwnValidator<T>): T {
  const value = { ...query };
  if (isValid(value)) return value;
  throw new HeadgateError(
    'PARAMETER_INVALID',
    `The query is not as it should be: ${explain(isValid.errors)}.`,
  );
}

function bodyOf<T>(body: Buffer, isValid: OwnValidator<T>): T {
  let value: unknown;
  try {
    value = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new HeadgateError('BODY_MALFORMED', 'The body is not JSON.', { cause: error });
  }
  if (isValid(value)) return value;
  throw new HeadgateError('BODY_MALFORMED', `The body is not as it should be: ${explain(isValid.errors)}.`);
}

function explain(errors: readonly ErrorObject[] | null | undefined): string {
  const { instancePath = '', message = 'unknown', params = {} } = errors?.[0] ?? {};
  const { additionalProperty, allowedValues } = params as {
    additionalProperty?: string;
    allowedValues?: string[];
  };
  if (additionalProperty !== undefined) return `"${additionalProperty.slice(0, 100)}" is not known here`;
  const where = instancePath === '' ? 'it' : `"${instancePath.slice(1).replaceAll('/', '.')}"`;
  return `${where} ${message}${allowedValues === undefined ? '' : `: ${allowedValues.join(', ')}`}`;
}

import type { ErrorObject, JSONSchemaType } from 'ajv';
import { HeadgateError } from '../errors.js';
import { ownSchema, type OwnValidator } from '../tenants/own-schema.js';
import { parseBounded } from './bounded-json.js';

/** Most ack ids of a request. */
const MAX_ACK_IDS = 1_000;

/** Body of `…/pull`. */
export interface PullBody {
  /** 1 to 1,000, default 100. */
  readonly maxMessages: number;
  /** 0 to 30,000, default 10,000. */
  readonly waitMs: number;
}

/** Body of `…/ack` and `…/nack`. */
export interface AckBody {
  readonly ackIds: string[];
}

/** Body of `…/modify-ack-deadline`. */
export interface ModifyAckDeadlineBody extends AckBody {
  /** 0, which gives back, or 10 to 600. */
  readonly ackDeadlineSeconds: number;
}

const ackIds = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 200 },
  minItems: 1,
  maxItems: MAX_ACK_IDS,
} as const;

const pullBody: JSONSchemaType<PullBody> = {
  type: 'object',
  properties: {
    maxMessages: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
    waitMs: { type: 'integer', minimum: 0, maximum: 30_000, default: 10_000 },
  },
  required: [],
  additionalProperties: false,
};

const ackBody: JSONSchemaType<AckBody> = {
  type: 'object',
  properties: { ackIds },
  required: ['ackIds'],
  additionalProperties: false,
};

const modifyBody: JSONSchemaType<ModifyAckDeadlineBody> = {
  type: 'object',
  properties: {
    ackIds,
    ackDeadlineSeconds: { type: 'integer', anyOf: [{ const: 0 }, { minimum: 10, maximum: 600 }] },
  },
  required: ['ackIds', 'ackDeadlineSeconds'],
  additionalProperties: false,
} as unknown as JSONSchemaType<ModifyAckDeadlineBody>;

/** Reads the body of a `…/pull`; none at all is `{}`. @throws HeadgateError `BODY_MALFORMED` */
export const parsePull = reader(ownSchema<PullBody>(pullBody, { useDefaults: true }));
/** Reads the body of an `…/ack` or `…/nack`. @throws HeadgateError `BODY_MALFORMED` */
export const parseAck = reader(ownSchema<AckBody>(ackBody));
/** Reads the body of a `…/modify-ack-deadline`. @throws HeadgateError `BODY_MALFORMED` */
export const parseModify = reader(ownSchema<ModifyAckDeadlineBody>(modifyBody));

function reader<T>(isValid: OwnValidator<T>): (body: Buffer) => T {
  return (body) => {
    const value = parse(body);
    if (isValid(value)) return value;
    throw malformed(explain(isValid.errors ?? []));
  };
}

function parse(body: Buffer): unknown {
  try {
    if (body.length === 0) return {};
    const parsed = parseBounded(body);
    // No request of these is so deep or long: it is told as one that is no object.
    return 'value' in parsed ? parsed.value : undefined;
  } catch {
    throw malformed('The body is not JSON.');
  }
}

function explain(errors: readonly ErrorObject[]): string {
  const path = errors[0]?.instancePath.slice(1).replaceAll('/', '.') ?? '';
  if (path === 'ackDeadlineSeconds') return 'ackDeadlineSeconds must be 0, or 10 to 600.';
  const { message = 'is not valid', params = {} } = errors[0] ?? {};
  const unknown =
    'additionalProperty' in params ? `: "${String(params.additionalProperty).slice(0, 50)}"` : '';
  return `${path || 'The body'} ${message}${unknown}.`;
}

function malformed(detail: string): HeadgateError {
  return new HeadgateError('BODY_MALFORMED', detail);
}

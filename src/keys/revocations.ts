import type { Logger } from '../platform/logger.js';
import { ownSchema, whatIsWrong } from '../platform/own-schema.js';
import { followFile } from './followed-file.js';

/** What of a verified token says whether it is revoked. */
export interface RevocableToken {
  /** Undefined in an operator's. */
  readonly tenant?: string;
  readonly subject?: string;
  readonly id?: string;
  /** Seconds since the epoch. */
  readonly issuedAt?: number;
}

/** Tokens that are not to be taken although their signature is right. */
export interface Revocations {
  /** Why a token is revoked; undefined where it is not. */
  reasonFor(token: RevocableToken): string | undefined;
  /** Calls `listener` after each change of what is revoked. Returns how to stop that. */
  onChange(listener: () => void): () => void;
  /** Follows the file no more. */
  close(): void;
}

/**
 * The file: `{"jti": ["…"], "subjects": {"UA": ["alice"]}, "notBefore": {"UA": "2026-11-28T12:00:00Z"}}`. Each part may be
 * missing. `notBefore` revokes what a tenant's issuer has issued before it, and tokens that do not say when; it does not
 * apply to operators, even one that reaches the tenant. `"operators": ["bob"]` revokes by subject what operators have.
 */
interface RevocationFile {
  readonly jti?: readonly string[];
  readonly subjects?: Readonly<Record<string, readonly string[]>>;
  readonly operators?: readonly string[];
  readonly notBefore?: Readonly<Record<string, string>>;
}

const TEXTS = { type: 'array', items: { type: 'string', minLength: 1 } };
const validate = ownSchema<RevocationFile>(
  {
    type: 'object',
    additionalProperties: false,
    properties: {
      jti: TEXTS,
      subjects: { type: 'object', additionalProperties: TEXTS },
      operators: TEXTS,
      notBefore: {
        type: 'object',
        additionalProperties: {
          type: 'string',
          pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$',
        },
      },
    },
  },
  { verbose: true },
);

type Rules = (token: RevocableToken) => string | undefined;

/**
 * Reads the file of revoked tokens, and follows its changes.
 * @throws HeadgateError `CONFIG_INVALID`
 */
export async function openRevocations(
  path: string,
  options: { readonly log?: Pick<Logger, 'info' | 'error'>; readonly everyMs?: number } = {},
): Promise<Revocations> {
  const file = await followFile({ ...options, path, what: 'a file of revoked tokens', parse: rulesIn });
  return {
    reasonFor: (token) => file.current()(token),
    onChange: (listener) => file.changed.onChange(listener),
    close: () => file.close(),
  };
}

function rulesIn(text: string): Rules {
  const file: unknown = JSON.parse(text);
  if (!validate(file)) throw new Error(whatIsWrong(validate.errors));
  const ids = new Set(file.jti);
  const subjects = new Map(
    Object.entries(file.subjects ?? {}).map(([tenant, all]) => [tenant, new Set(all)]),
  );
  const operators = new Set(file.operators);
  const notBefore = new Map(
    Object.entries(file.notBefore ?? {}).map(([tenant, time]) => [tenant, instant(tenant, time)]),
  );
  return ({ tenant, subject, id, issuedAt }) => {
    if (id !== undefined && ids.has(id)) return 'The token has been revoked.';
    const revoked = tenant === undefined ? operators : subjects.get(tenant);
    if (subject !== undefined && revoked?.has(subject))
      return 'The tokens of this subject have been revoked.';
    if (tenant === undefined) return undefined;
    const since = notBefore.get(tenant);
    if (since === undefined || (issuedAt !== undefined && issuedAt * 1000 >= since)) return undefined;
    return 'The tokens of this tenant that were issued before have been revoked.';
  };
}

function instant(tenant: string, time: string): number {
  const at = Date.parse(time);
  if (Number.isNaN(at)) throw new Error(`notBefore of ${tenant} is not a time`);
  return at;
}

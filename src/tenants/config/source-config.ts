import { ALGORITHMS, ENCODINGS, type KnownSender } from '../../webhook-sources/verification.js';
import {
  byKind,
  choice,
  constant,
  duration,
  expression,
  listOf,
  section,
  size,
  text,
  type UsedOf,
} from '../file-schema.js';
import { REFERENCED, storedNameOf } from './secret-reference.js';

/** What the name of a source is like: it is a part of an address. */
const NAME = {
  pattern: '^[a-z][a-z0-9_-]{0,62}$',
  problem: 'must be a name of 1 to 63 small letters, digits, "_" and "-" that starts with a letter',
};

/** A token of RFC 9110. */
const HEADER = { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$", problem: 'must be the name of a header' };

const SECRETS = {
  secret: text(REFERENCED, {
    what: 'What the sender signs with: `secret:<name>`, kept by Headgate, or `env:HEADGATE_SECRET_<TENANT>__<NAME>`, of the processes with the API. Of `basic`: the password.',
    unset: 'needs `secrets`',
    example: 'secret:github',
  }),
  secrets: listOf(
    text(REFERENCED),
    { minItems: 1, maxItems: 5 },
    {
      what: 'Several of them, each of which is tried: for the time in which one is changed.',
      unset: 'none',
      example: ['env:HEADGATE_SECRET_ACME__GITHUB', 'env:HEADGATE_SECRET_ACME__GITHUB_NEW'],
    },
  ),
};

const knownSender = <const K extends KnownSender>(kind: K) =>
  section({ kind: constant(kind), ...SECRETS }, ['kind']);

const HMAC = section(
  {
    kind: constant('hmac'),
    ...SECRETS,
    header: text(HEADER, { what: 'The header with the signature.', example: 'x-signature' }),
    algorithm: choice(ALGORITHMS, { what: 'The digest of the HMAC.', default: 'sha256', example: 'sha512' }),
    encoding: choice(ENCODINGS, { what: 'How the signature is written.', default: 'hex', example: 'base64' }),
    prefix: text(
      { maxLength: 64 },
      { what: 'What stands before the signature in its header.', default: '', example: 'sha256=' },
    ),
    timestampHeader: text(HEADER, {
      what: 'The header with the time of sending, in seconds or milliseconds since 1970.',
      unset: 'no time is looked at',
      example: 'x-timestamp',
    }),
    signed: text(
      { minLength: 1, maxLength: 256 },
      {
        what: 'What is signed. `{body}` is the body as it came, `{timestamp}` the value of `timestampHeader`.',
        default: '{body}',
        example: '{body}',
      },
    ),
  },
  ['kind', 'header'],
);

const BASIC = section(
  {
    kind: constant('basic'),
    ...SECRETS,
    user: text(
      { pattern: '^[^:\\u0000-\\u001f\\u007f]{1,256}$', problem: 'must be a name without a colon' },
      { what: 'The user that the sender logs in as.', example: 'shop' },
    ),
  },
  ['kind', 'user'],
);

const VERIFY = byKind(
  [
    knownSender('github'),
    knownSender('stripe'),
    knownSender('shopify'),
    knownSender('slack'),
    knownSender('standard-webhooks'),
    HMAC,
    BASIC,
  ],
  {
    what: 'Who sends, and so how that is proved. `hmac` is any HMAC in a header, `basic` a user and a password.',
    example: 'github',
  },
  { what: 'How a request is known to be from its sender. What else it may say depends on its `kind`.' },
);

const mapped = (what: string, unset: string, example: string) =>
  expression({ what: `${what} Over \`headers\`, \`body\` and \`query\`.`, unset, example });

const MAP = section(
  {
    id: mapped(
      'The id of the event, a text.',
      'by the sender, else a digest of what is signed',
      'body.delivery',
    ),
    type: mapped(
      'The type of the event, a text.',
      'by the sender, else `webhook.<name>`',
      '"shop." + body.event',
    ),
    subject: mapped('The subject of the event, a text.', 'by the sender, else none', 'body.customer.id'),
    time: mapped(
      'The time of the event: a text by RFC 3339, or a number of seconds or milliseconds since 1970.',
      'by the sender, else when it came',
      'body.createdAt',
    ),
    data: mapped('The data of the event.', 'the body as it came', 'body.order'),
  },
  [],
  { what: 'What events are made of, by expressions.', default: {} },
);

const SOURCE = section(
  {
    name: text(NAME, {
      what: 'Its name: small letters, digits, `_` and `-`, beginning with a letter. Its address is `/v1/sources/<tenant>/<name>`, and the source of its events `/sources/<name>`.',
      example: 'github',
    }),
    kind: choice(['webhook'], { what: 'Webhooks of somebody else, signed.', example: 'webhook' }),
    verify: VERIFY,
    tolerance: duration('1s', '24h', {
      what: 'How far the time that is signed may be from now, where the sender signs one.',
      default: '5m',
      example: '1m',
    }),
    maxBytes: size('1KB', '4MB', { what: 'Bytes of a request, inflated.', default: '1MB', example: '200KB' }),
    map: MAP,
  },
  ['name', 'kind', 'verify'],
  { what: 'One source.' },
);

/** `sources` of a tenant's file. */
export const SOURCES = listOf(
  SOURCE,
  { maxItems: 50 },
  {
    what: 'Who sends webhooks to the tenant. Each becomes an event.',
    default: [],
    example: [{ name: 'github', kind: 'webhook', verify: { kind: 'github', secret: 'secret:github' } }],
  },
);

type Used = UsedOf<typeof SOURCE>;

/** Who sends webhooks to a tenant. All secrets are tried: that is how one is rotated with overlap. */
export type SourceConfig = Omit<Used, 'verify'> & { readonly verify: VerifyConfig };

type WithSecrets<T> = T extends unknown
  ? Omit<T, 'secret' | 'secrets'> & { readonly secrets: readonly string[] }
  : never;
type VerifyConfig = WithSecrets<Used['verify']>;

/** What no default says: a source's secrets are one list. */
export function completeSource({ verify, ...others }: Used): SourceConfig {
  const { secret, secrets = [], ...rest } = verify;
  return {
    ...others,
    verify: { ...rest, secrets: secret === undefined ? secrets : [secret, ...secrets] } as VerifyConfig,
  };
}

/** The names of the secrets made through Headgate that a source refers to. */
export function storedSecretsOfSource({ verify }: SourceConfig): string[] {
  return verify.secrets.flatMap((secret) => storedNameOf(secret) ?? []);
}

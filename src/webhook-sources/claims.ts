import { claimOfStandard } from './standard-webhooks.js';
import { fitsHmac, isSameText } from './hmac.js';
import type {
  BasicVerification,
  Claim,
  HmacVerification,
  KnownSender,
  NoClaim,
  SentRequest,
  Verification,
} from './verification.js';
import { headerOf, secondsIn, timeIn } from './headers.js';

/** What a request claims, read as the source's sender writes it. */
export function claimOf(verification: Verification, request: SentRequest): Claim | NoClaim {
  switch (verification.kind) {
    case 'hmac':
      return claimOfHmac(verification, request);
    case 'basic':
      return claimOfBasic(verification, request);
    default:
      return CLAIMS[verification.kind](request);
  }
}

/** @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
const GITHUB: HmacVerification = {
  kind: 'hmac',
  header: 'x-hub-signature-256',
  algorithm: 'sha256',
  encoding: 'hex',
  prefix: 'sha256=',
  signed: '{body}',
};

/** @see https://shopify.dev/docs/apps/build/webhooks/subscribe/https */
const SHOPIFY: HmacVerification = {
  kind: 'hmac',
  header: 'x-shopify-hmac-sha256',
  algorithm: 'sha256',
  encoding: 'base64',
  prefix: '',
  signed: '{body}',
};

/** @see https://docs.slack.dev/authentication/verifying-requests-from-slack */
const SLACK: HmacVerification = {
  kind: 'hmac',
  header: 'x-slack-signature',
  algorithm: 'sha256',
  encoding: 'hex',
  prefix: 'v0=',
  timestampHeader: 'x-slack-request-timestamp',
  signed: 'v0:{timestamp}:{body}',
};

const CLAIMS: Readonly<Record<KnownSender, (request: SentRequest) => Claim | NoClaim>> = {
  github: (request) => claimOfHmac(GITHUB, request),
  stripe: claimOfStripe,
  shopify: (request) => claimOfHmac(SHOPIFY, request),
  slack: (request) => claimOfHmac(SLACK, request),
  'standard-webhooks': claimOfStandard,
};

/** @see https://docs.stripe.com/webhooks#verify-manually */
function claimOfStripe({ headers, body }: SentRequest): Claim | NoClaim {
  const header = headerOf(headers, 'stripe-signature');
  if (header === undefined) return missing('stripe-signature');
  const pairs = header.split(',').map((pair) => pair.trim().split('=', 2));
  const valuesOf = (name: string): string[] =>
    pairs.flatMap(([key, value = '']) => (key === name ? value : []));
  const [time = '', ...others] = valuesOf('t');
  const seconds = secondsIn(time);
  if (seconds === undefined || others.length > 0)
    return { problem: 'The header stripe-signature does not have one time, t.' };
  const content = Buffer.concat([Buffer.from(`${time}.`), body]);
  const signed = { content, signatures: valuesOf('v1'), algorithm: 'sha256', encoding: 'hex' } as const;
  return { content, sentAt: seconds * 1000, fits: (secret) => fitsHmac(signed, secret) };
}

function claimOfHmac(
  { header, algorithm, encoding, prefix, timestampHeader, signed }: HmacVerification,
  { headers, body }: SentRequest,
): Claim | NoClaim {
  const signature = headerOf(headers, header);
  if (signature === undefined) return missing(header);
  if (!signature.startsWith(prefix)) return { problem: `The header ${header} does not begin with ${prefix}` };
  const time = timestampHeader === undefined ? '' : headerOf(headers, timestampHeader);
  if (time === undefined) return missing(timestampHeader!);
  const sentAt = timestampHeader === undefined ? undefined : timeIn(time);
  if (timestampHeader !== undefined && sentAt === undefined)
    return { problem: `The header ${timestampHeader} is not a time in seconds or milliseconds since 1970.` };
  const content = contentOf(signed, time, body);
  const signatures = [signature.slice(prefix.length)];
  return {
    content,
    sentAt,
    fits: (secret) => fitsHmac({ content, signatures, algorithm, encoding }, secret),
  };
}

function contentOf(template: string, time: string, body: Buffer): Buffer {
  if (template === '{body}') return body;
  const [before = '', after = ''] = template
    .split('{body}')
    .map((part) => part.replaceAll('{timestamp}', time));
  return Buffer.concat([Buffer.from(before), body, Buffer.from(after)]);
}

/** @see RFC 7617 */
function claimOfBasic({ user }: BasicVerification, { headers, body }: SentRequest): Claim | NoClaim {
  const [, base64] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(headerOf(headers, 'authorization') ?? '') ?? [];
  if (base64 === undefined) return { problem: 'Send a user and a password: "Authorization: Basic …".' };
  const given = Buffer.from(base64, 'base64').toString('utf8');
  return { content: body, fits: (password) => isSameText(given, `${user}:${password}`) };
}

function missing(header: string): NoClaim {
  return { problem: `The header ${header} is missing.` };
}

import { createHmac, timingSafeEqual } from 'node:crypto';
import { HeadgateError } from '../errors.js';
import type { DeadLetterFilter } from '../workflows/messages/resolve.js';

/** Seals Temporal's page tokens for clients. */
export interface PageTokens {
  /** The position as a token that is good for the same tenant and filter alone. */
  seal(position: Uint8Array, tenant: string, filter: DeadLetterFilter): Promise<string>;
  /** @throws HeadgateError `PAGE_TOKEN_INVALID`: changed, or of another tenant or filter */
  open(token: string, tenant: string, filter: DeadLetterFilter): Promise<Uint8Array>;
}

const MAC_BYTES = 16;
const MAX_TOKEN = 2_000;

/**
 * Page tokens are Temporal's own behind a code (HMAC-SHA256), so that nothing forged reaches Temporal, and nobody goes
 * on in a list that is not theirs. What a token leads to is asked for with the caller's tenant in any case.
 * @param keyOf the same in all processes that answer for one another
 */
export function createPageTokens(keyOf: () => Promise<string>): PageTokens {
  const macOf = async (position: Uint8Array, tenant: string, filter: DeadLetterFilter): Promise<Buffer> => {
    const { subscription, reason, type, from, to } = filter;
    const about = JSON.stringify(['dead-letters', tenant, subscription, reason, type, from, to]);
    const mac = createHmac('sha256', await keyOf());
    return mac.update(about).update('\0').update(position).digest().subarray(0, MAC_BYTES);
  };
  return {
    seal: async (position, tenant, filter) =>
      Buffer.concat([await macOf(position, tenant, filter), position]).toString('base64url'),
    open: async (token, tenant, filter) => {
      const sealed = token.length > MAX_TOKEN ? Buffer.alloc(0) : Buffer.from(token, 'base64url');
      const position = sealed.subarray(MAC_BYTES);
      const valid =
        sealed.length > MAC_BYTES &&
        timingSafeEqual(sealed.subarray(0, MAC_BYTES), await macOf(position, tenant, filter));
      if (valid) return position;
      throw new HeadgateError(
        'PAGE_TOKEN_INVALID',
        'This page token is of another list. Begin without one, or repeat the filters it was given for.',
      );
    },
  };
}

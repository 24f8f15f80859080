import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { HeadgateError } from '../errors.js';
import { isDayName } from '../platform/time.js';
import type { ReadPosition } from './read.js';
import { signingKey } from './signing-key.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_TOKEN = 500;

/**
 * Page tokens for clients. They are encrypted: a position says how much there is of all tenants together. A token is good for
 * the query that it was given for alone.
 */
export class AuditPageTokens {
  private key: Promise<Buffer> | undefined;

  constructor(private readonly keys: string) {}

  /** @param about what was asked for, and for whom */
  async seal({ day, offset }: ReadPosition, about: readonly unknown[]): Promise<string> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', await this.keyNow(), nonce);
    cipher.setAAD(Buffer.from(JSON.stringify(about)));
    const text = Buffer.concat([cipher.update(JSON.stringify([day, offset])), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
  }

  /** @throws HeadgateError `PAGE_TOKEN_INVALID`: changed, or of another query */
  async open(token: string, about: readonly unknown[]): Promise<ReadPosition> {
    const bytes = Buffer.from(token.length > MAX_TOKEN ? '' : token, 'base64url');
    try {
      const cipher = createDecipheriv('aes-256-gcm', await this.keyNow(), bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      cipher.setAAD(Buffer.from(JSON.stringify(about)));
      cipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const text = Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), cipher.final()]);
      const [day, offset] = JSON.parse(text.toString()) as [string, number];
      if (isDayName(day) && Number.isSafeInteger(offset)) return { day, offset };
    } catch {
      // Said below.
    }
    throw new HeadgateError(
      'PAGE_TOKEN_INVALID',
      'This page token is of another list. Begin without one, or repeat the filters it was given for.',
    );
  }

  private keyNow(): Promise<Buffer> {
    this.key ??= signingKey(this.keys).then(({ d = '' }) =>
      Buffer.from(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', 'headgate audit-log page token', 32)),
    );
    return this.key;
  }
}

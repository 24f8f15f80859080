import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { HeadgateError } from '../errors.js';
import { isDayName } from '../platform/time.js';
import { decrypt, encrypt } from '../stores/batch-keys/gcm.js';
import type { ReadPosition } from './read.js';
import { signingKey } from './signing-key.js';

const MAX_TOKEN = 500;

/**
 * Page tokens for clients. They are encrypted: a position says how much there is of all tenants together. A token is good for
 * the query that it was given for alone.
 */
export class AuditPageTokens {
  private key: Promise<KeyObject> | undefined;

  constructor(private readonly keys: string) {}

  /** @param about what was asked for, and for whom */
  async seal({ day, offset }: ReadPosition, about: readonly unknown[]): Promise<string> {
    const position = Buffer.from(JSON.stringify([day, offset]));
    return encrypt(await this.keyNow(), position, contextOf(about)).toString('base64url');
  }

  /** @throws HeadgateError `PAGE_TOKEN_INVALID`: changed, or of another query */
  async open(token: string, about: readonly unknown[]): Promise<ReadPosition> {
    const sealed = Buffer.from(token.length > MAX_TOKEN ? '' : token, 'base64url');
    const position = decrypt(await this.keyNow(), sealed, contextOf(about));
    if (position !== undefined) {
      const [day, offset] = JSON.parse(position.toString()) as [string, number];
      if (isDayName(day) && Number.isSafeInteger(offset)) return { day, offset };
    }
    throw new HeadgateError(
      'PAGE_TOKEN_INVALID',
      'This page token is of another list. Begin without one, or repeat the filters it was given for.',
    );
  }

  private keyNow(): Promise<KeyObject> {
    this.key ??= signingKey(this.keys).then(({ d = '' }) => {
      const secret = Buffer.from(d, 'base64url');
      const key = hkdfSync('sha256', secret, '', 'headgate audit-log page token', 32);
      return createSecretKey(Buffer.from(key));
    });
    return this.key;
  }
}

function contextOf(about: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify(about));
}

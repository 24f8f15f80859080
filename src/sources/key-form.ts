import { createHash, randomInt } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const RANDOM_CHARACTERS = 24;
/** A `c` and 24 characters, as a cuid has: `@jitsu/js` takes no other form without a colon. */
const FORM = /^c[a-z0-9]{24}$/;

/** Makes a write key: 124 bits by chance. */
export function makeWriteKey(): string {
  const character = (): string => ALPHABET[randomInt(ALPHABET.length)]!;
  return `c${Array.from({ length: RANDOM_CHARACTERS }, character).join('')}`;
}

/** Whether a text has the form of a write key. */
export function isWriteKey(text: string): boolean {
  return FORM.test(text);
}

/**
 * What is kept of a write key: SHA-256, in hexadecimal. It needs no salt and no work, as passwords do: nobody can go through
 * 124 bits.
 */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

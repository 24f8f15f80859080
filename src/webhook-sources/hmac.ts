import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ALGORITHMS, ENCODINGS } from './verification.js';

/** Signatures that one request may have; more are not looked at. */
const MOST_SIGNATURES = 10;

/** What was signed, and the signatures that came with it. */
export interface SignedContent {
  readonly content: Buffer;
  readonly signatures: readonly string[];
  readonly algorithm: (typeof ALGORITHMS)[number];
  readonly encoding: (typeof ENCODINGS)[number];
}

/** Whether one of the signatures was made with the key. All are compared, each in constant time. */
export function fitsHmac(
  { content, signatures, algorithm, encoding }: SignedContent,
  key: string | Buffer,
): boolean {
  const expected = createHmac(algorithm, key).update(content).digest();
  let fits = false;
  for (const signature of signatures.slice(0, MOST_SIGNATURES)) {
    const given = decoded(signature, encoding);
    if (given?.length === expected.length && timingSafeEqual(given, expected)) fits = true;
  }
  return fits;
}

/** Node leaves out what does not belong to an encoding, so that many texts would be one signature. */
function decoded(text: string, encoding: SignedContent['encoding']): Buffer | undefined {
  const bytes = Buffer.from(text, encoding);
  const written = bytes.toString(encoding);
  return written === (encoding === 'hex' ? text.toLowerCase() : text) ? bytes : undefined;
}

/** Whether two texts are the same, in a time that depends on neither. */
export function isSameText(given: string, expected: string): boolean {
  const [left, right] = [given, expected].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(left!, right!);
}

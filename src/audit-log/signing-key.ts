import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CompactSign, compactVerify, createLocalJWKSet, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import { HeadgateError } from '../errors.js';
import { createDurably } from '../platform/durable-file.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import type { Position } from './entry.js';
import { newSigningKey } from '../platform/new-signing-key.js';

const PRIVATE_KEY = 'audit-log.private.jwk.json';
const PUBLIC_KEYS = 'audit-log.jwks.json';
/** Says what is signed: a signature for something else is none of a head. */
const TYPE = 'headgate-audit-log-head';

/** The signed head again, where only those can write who can read the key: an older head is no match for it. */
export function headCopy(keys: string): string {
  return join(keys, 'audit-log-head.jws');
}

/** A position that was signed, and when. */
export interface Head extends Position {
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** The public key that signed heads are verified with, where nobody names a copy of it. */
export function publicKeyFile(keys: string): string {
  return join(keys, PUBLIC_KEYS);
}

/**
 * The private key that signs heads; made once, readable by its owner alone. The first counts, as of processes that make it
 * at the same time.
 */
export async function signingKey(keys: string): Promise<JWK> {
  const path = join(keys, PRIVATE_KEY);
  if ((await readTextIfThere(path)) === undefined) await create(path, await newSigningKey());
  const key = JSON.parse((await readTextIfThere(path)) ?? '{}') as JWK;
  if ((await readTextIfThere(publicKeyFile(keys))) === undefined)
    await create(publicKeyFile(keys), { keys: [{ ...key, d: undefined }] });
  return key;
}

async function create(path: string, content: object): Promise<void> {
  await createDurably(path, async (temporary) => {
    await writeFile(temporary, JSON.stringify(content), { mode: 0o600 });
    await chmod(temporary, 0o600);
  });
}

/** Signs where the log is, with the time. */
export async function signHead(key: JWK, head: Head): Promise<string> {
  const { seq, hash, at } = head;
  return new CompactSign(Buffer.from(JSON.stringify({ seq, hash, at })))
    .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, typ: TYPE })
    .sign(await importJWK(key, 'EdDSA'));
}

/**
 * Reads a signed head.
 * @param file of the public key
 * @returns undefined where its signature is not by that key
 * @throws HeadgateError `KEY_MISSING`: there is no such file
 */
export async function verifiedHead(signed: string, file: string): Promise<Head | undefined> {
  const text = await readTextIfThere(file);
  if (text === undefined)
    throw new HeadgateError('KEY_MISSING', `There is no public key of the audit log at ${file}.`);
  try {
    const set = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
    const { payload, protectedHeader } = await compactVerify(signed.trim(), set, { algorithms: ['EdDSA'] });
    const { seq, hash, at } = JSON.parse(Buffer.from(payload).toString()) as Head;
    const isHead = protectedHeader.typ === TYPE && Number.isSafeInteger(seq) && /^[0-9a-f]{64}$/.test(hash);
    return isHead ? { seq, hash, at } : undefined;
  } catch {
    return undefined;
  }
}

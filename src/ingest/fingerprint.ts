import xxhash from 'xxhash-wasm';

/**
 * Bytes of a fingerprint: 96 bits. A collision would drop an event; among a hundred million events, more than a node remembers,
 * the odds of one are under 1 in 10 trillion.
 */
export const FINGERPRINT_BYTES = 12;

/** Writes the fingerprint of an event's key, see `eventKey`, into `target` at `offset`. */
export type Fingerprint = (key: string, target: Buffer, offset: number) => void;

/**
 * A 64-bit and a 32-bit xxHash with different seeds. The seeds are random and kept with the spool, so that nobody outside can
 * make two events collide on purpose.
 */
export async function createFingerprint(seeds: readonly [bigint, bigint]): Promise<Fingerprint> {
  const { h32, h64 } = await xxhash();
  const seed = Number(BigInt.asUintN(32, seeds[1]));
  return (key, target, offset) => {
    target.writeBigUInt64LE(h64(key, seeds[0]), offset);
    target.writeUInt32LE(h32(key, seed), offset + 8);
  };
}

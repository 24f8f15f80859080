import xxhash from 'xxhash-wasm';

/** Bytes of a fingerprint: 128 bits, so that a collision, which would drop an event, does not happen in practice. */
export const FINGERPRINT_BYTES = 16;

/** Writes the fingerprint of an event id into `target` at `offset`. */
export type Fingerprint = (id: string, target: Buffer, offset: number) => void;

/**
 * Two 64-bit xxHashes with different seeds. The seeds are random and kept with the spool, so that nobody outside can
 * make two ids collide on purpose.
 */
export async function createFingerprint(seeds: readonly [bigint, bigint]): Promise<Fingerprint> {
  const { h64 } = await xxhash();
  return (id, target, offset) => {
    target.writeBigUInt64LE(h64(id, seeds[0]), offset);
    target.writeBigUInt64LE(h64(id, seeds[1]), offset + 8);
  };
}

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
  // `writeBigUInt64LE` takes a big integer apart by others, which costs as much as the hash.
  const halves = new DataView(new ArrayBuffer(8));
  return (key, target, offset) => {
    halves.setBigUint64(0, h64(key, seeds[0]), true);
    target.writeUInt32LE(halves.getUint32(0, true), offset);
    target.writeUInt32LE(halves.getUint32(4, true), offset + 4);
    target.writeUInt32LE(h32(key, seed), offset + 8);
  };
}

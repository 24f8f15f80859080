import xxhash from 'xxhash-wasm';
import type { Octets } from './row-keys.js';

/** Hashes an id or a subject: 40 bits, as the upper 32 and the lower 8. */
export interface KeyHash {
  /** Says with which seeds it hashes: an index that was made with others is of no use. */
  readonly seeds: string;
  /** The hash of a text; read it at once, the next call overwrites it. */
  of(text: Octets): { readonly high: number; readonly low: number };
}

/**
 * Hashes with seeds that nobody outside knows, those of the spool: no producer can make ids that an index takes for the same.
 * What is found by a hash is compared with the event itself, so that a collision costs a look at a file, and no more: one
 * look in 100,000 among ten million events.
 */
export async function createKeyHash([seed, check]: readonly [bigint, bigint]): Promise<KeyHash> {
  const { h64, h64Raw } = await xxhash();
  const view = new DataView(new ArrayBuffer(8));
  const hash = { high: 0, low: 0 };
  const views = new ShortViews();
  return {
    seeds: h64(`${seed}`, check).toString(16),
    of: (text) => {
      view.setBigUint64(0, h64Raw(views.of(text), seed));
      hash.high = view.getUint32(0);
      hash.low = view.getUint8(4);
      return hash;
    },
  };
}

/** Texts that are copied are shorter. */
const MAX_COPIED = 128;

/** Gives texts as arrays of their own. A short one is copied to one that is there already: a new one costs four times that. */
class ShortViews {
  private readonly byLength: Uint8Array[] = [];

  of({ octets, from, to }: Octets): Uint8Array {
    const length = to - from;
    if (length >= MAX_COPIED) return octets.subarray(from, to);
    const view = (this.byLength[length] ??= new Uint8Array(length));
    for (let at = 0; at < length; at++) view[at] = octets[from + at]!;
    return view;
  }
}

/**
 * CRC-32 as arithmetic: polynomials over GF(2), modulo the one of IEEE 802.3, with their bits reversed: the highest bit
 * is the coefficient of 1. @see RFC 1952 section 8, and `crc32_combine` of zlib
 */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X = 0x40000000;
const BITS_OF_A_BYTE_LOG2 = 3;

/** x^(2^n), each the square of the one before. */
const POWERS = Array.from({ length: 32 }, () => 0);
POWERS.forEach((_, n) => (POWERS[n] = n === 0 ? X : times(POWERS[n - 1]!, POWERS[n - 1]!)));

/**
 * The CRC-32 of two contents one behind the other, from theirs: what the first contributes is moved by the bits of the
 * second. It takes some microseconds, whatever the length.
 * @param secondLength bytes of the second, below 2^32
 */
export function crcOfBoth(first: number, second: number, secondLength: number): number {
  return (times(xToTheBits(secondLength), first) ^ second) >>> 0;
}

/** x to the power of as many bits as there are in `bytes` bytes. */
function xToTheBits(bytes: number): number {
  let power = ONE;
  let n = BITS_OF_A_BYTE_LOG2;
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = times(POWERS[n % 32]!, power);
    n++;
  }
  return power;
}

function times(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

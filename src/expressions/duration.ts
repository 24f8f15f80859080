import { RuntimeValue } from './runtime-value.js';
import { fraction } from './timestamp.js';

const NANOS = 1_000_000_000;

/** Nanoseconds that a duration may be long, either way: 64 bits of them, 292 years, as in cel-go. */
const MAX_NANOS = 2n ** 63n - 1n;

const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ns: 1n,
};

const PART = /(\d*)(?:\.(\d*))?(h|ms|m|s|us|µs|μs|ns)/y;

/** No duration is longer: what is, is not read. */
const MAX_LENGTH = 100;

/** A length of time, to the nanosecond; may be below zero. */
export class Duration extends RuntimeValue {
  readonly kind = 'duration';

  private constructor(
    /** Rounded down: of -0.5 s it is -1. */
    readonly seconds: number,
    /** From 0 to 999,999,999, to be added. */
    readonly nanos: number,
  ) {
    super();
  }

  /** The duration of seconds and nanoseconds together, of any sign; undefined if it is beyond 292 years. */
  static of(seconds: number, nanos: number): Duration | undefined {
    const carry = Math.floor(nanos / NANOS);
    const duration = new Duration(seconds + carry, nanos - carry * NANOS);
    const total = duration.total();
    return total > MAX_NANOS || total < -MAX_NANOS - 1n ? undefined : duration;
  }

  /** Reads a sequence of numbers with units, as Go does: `1h30m`, `-1.5s`; undefined if the text is anything else. */
  static parse(text: string): Duration | 'out of range' | undefined {
    if (text.length > MAX_LENGTH) return undefined;
    const unsigned = text.replace(/^[+-]/, '');
    if (unsigned === '0') return new Duration(0, 0);
    let total = 0n;
    let at = 0;
    while (at < unsigned.length) {
      PART.lastIndex = at;
      const part = PART.exec(unsigned);
      if (part === null || (part[1] === '' && (part[2] ?? '') === '')) return undefined;
      total += nanosOf(part[1]!, part[2] ?? '', UNIT_NANOS[part[3]!]!);
      at = PART.lastIndex;
    }
    if (at === 0) return undefined;
    if (total > MAX_NANOS) return 'out of range';
    const nanos = text.startsWith('-') ? -total : total;
    return Duration.of(Number(nanos / BigInt(NANOS)), Number(nanos % BigInt(NANOS)));
  }

  /** How many whole units it has, cut off towards zero. */
  whole(nanosOfUnit: number): number {
    return Number(this.total() / BigInt(nanosOfUnit));
  }

  private total(): bigint {
    return BigInt(this.seconds) * BigInt(NANOS) + BigInt(this.nanos);
  }

  /** Seconds with decimals: `-1.5s`. */
  override toString(): string {
    if (this.seconds >= 0) return `${this.seconds}${fraction(this.nanos)}s`;
    const seconds = this.nanos === 0 ? -this.seconds : -this.seconds - 1;
    return `-${seconds}${fraction(this.nanos === 0 ? 0 : NANOS - this.nanos)}s`;
  }
}

function nanosOf(whole: string, decimals: string, unit: bigint): bigint {
  const digits = decimals.slice(0, 18);
  return (
    BigInt(whole === '' ? 0 : whole) * unit + (BigInt(digits || 0) * unit) / 10n ** BigInt(digits.length)
  );
}

/** What a JSON text says that its parsed value does not. */
export interface Written {
  /** Members of all objects in it, also those of which one of the same name follows. */
  readonly members: number;
  /** The first number in it that a 64-bit float does not give back, as it is written; shortened. */
  readonly lossyNumber?: string;
}

/** What {@link scanJson} finds of a text that has not been parsed yet, too. */
export interface Scanned extends Written {
  /** How deep objects and arrays are nested in it. */
  readonly depth: number;
  /** Opening brackets and commas: about as many as there are values in it. */
  readonly values: number;
}

// One by one: constants that are taken from a list are looked up anew at each octet.
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
/** Significant digits that any 64-bit float gives back. */
const SAFE_DIGITS = 15;
const SHOWN = 40;

/** What an octet outside of texts begins; a look-up costs less than comparisons. */
const OPENING = 1;
const CLOSING = 2;
const NUMBER = 3;
const BEGINS = new Uint8Array(256);
for (const each of '[{') BEGINS[each.charCodeAt(0)] = OPENING;
for (const each of ']}') BEGINS[each.charCodeAt(0)] = CLOSING;
for (const each of '-0123456789') BEGINS[each.charCodeAt(0)] = NUMBER;

/**
 * Reads through JSON for what `JSON.parse` loses without a word: digits of numbers, and all but the last of members of
 * one name. A nanosecond or two an octet; only numbers of more than 15 digits or with an exponent cost more.
 * @param json JSON in UTF-8, byte order mark or not; of what is not JSON, what it finds means nothing
 * @param items true to be called with each item of the array that it is, else of the whole
 */
export function scanJson(json: Buffer, items = false): Scanned[] {
  const found: Scanned[] = [];
  const { length } = json;
  let [depth, deepest, members, values] = [0, 0, 0, 0];
  let lossyNumber: string | undefined;
  for (let at = 0; at < length; at++) {
    const octet = json[at]!;
    if (octet === QUOTE) {
      // Within the loop, since most octets are those of texts.
      while (++at < length && json[at] !== QUOTE) if (json[at] === BACKSLASH) at++;
    } else if (octet === COLON) members++;
    else if (octet === COMMA) {
      values++;
      if (depth !== 1 || !items) continue;
      found.push({ members, lossyNumber, depth: deepest, values });
      [members, lossyNumber, deepest, values] = [0, undefined, 0, 0];
    } else {
      const begins = BEGINS[octet];
      if (begins === OPENING) {
        values++;
        if (++depth > deepest) deepest = depth;
      } else if (begins === CLOSING) depth--;
      else if (begins === NUMBER) {
        const end = endOfNumber(json, at);
        if (end < 0) lossyNumber ??= lossyIn(json, at, -end);
        at = Math.abs(end) - 1;
      }
    }
  }
  found.push({ members, lossyNumber, depth: deepest, values });
  return found;
}

/** Where the number ends that begins at `at`; below zero for one that has to be looked at. */
function endOfNumber(json: Buffer, at: number): number {
  let [end, digits] = [at + 1, 1];
  // Of numbers that begin so, most are no -0.
  let suspicious = json[at]! < ZERO && json[end] === ZERO;
  for (; end < json.length; end++) {
    const octet = json[end]!;
    if (octet >= ZERO && octet <= NINE) digits++;
    // Lower case; a sign follows an exponent alone.
    else if ((octet | 0x20) === LOWER_E) suspicious = true;
    else if (octet !== POINT && BEGINS[octet] !== NUMBER && octet !== PLUS) break;
  }
  return suspicious || digits > SAFE_DIGITS ? -end : end;
}

function lossyIn(json: Buffer, at: number, end: number): string | undefined {
  const token = json.toString('latin1', at, end);
  return isGivenBack(token) ? undefined : token.slice(0, SHOWN);
}

/** True for a number whose 64-bit float is written with the same digits: `1.0` is `1`, and `1E-7` is `1e-7`. */
export function isGivenBack(token: string): boolean {
  const value = Number(token);
  const printed = String(value);
  // A number that is too large is refused as such. That -0 is printed as 0 is what its sign is lost by.
  return printed === token || !Number.isFinite(value) || digitsOf(token) === digitsOf(printed);
}

/** A decimal number as its sign, its digits without zeros around them, and the place of the first: one text a value. */
function digitsOf(token: string): string {
  const [mantissa = '', exponent = '0'] = token.toLowerCase().split('e');
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.slice(sign.length).split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return `${sign}0`;
  const place = whole.length + Number(exponent) - (whole.length + fraction.length - digits.length);
  return `${sign}${withoutZerosBehind(digits)}e${place}`;
}

/** Not by an expression, which takes as many steps as the square of the zeros in the middle. */
function withoutZerosBehind(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end--;
  return digits.slice(0, end);
}

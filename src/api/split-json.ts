const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** Octets of a name that is asked for, with its quotation marks. */
const LONGEST_NAME = 64;
const SPACES = [0x20, 0x09, 0x0a, 0x0d];
const OPENING = 1;
const CLOSING = 2;
const KIND = new Uint8Array(256);
for (const each of '[{') KIND[each.charCodeAt(0)] = OPENING;
for (const each of ']}') KIND[each.charCodeAt(0)] = CLOSING;
const IS_SPACE = new Uint8Array(256);
for (const each of SPACES) IS_SPACE[each] = 1;

/** True where a text in UTF-8 is a JSON array, if it is JSON at all. */
export function isArrayText(json: Buffer): boolean {
  return json[firstOf(json)] === 0x5b;
}

/**
 * Takes a JSON array apart without parsing it: the octets of each item. It is an array of JSON exactly if each of these is
 * JSON. A nanosecond or two an octet.
 * @param most items that are looked for: one more may be returned
 * @returns undefined where it is not an array, or does not end where it should
 */
export function splitArray(json: Buffer, most: number): Buffer[] | undefined {
  const { length } = json;
  const start = firstOf(json);
  if (json[start] !== 0x5b) return undefined;
  const items: Buffer[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < length; at++) {
    const octet = json[at]!;
    if (octet === QUOTE) {
      while (++at < length && json[at] !== QUOTE) if (json[at] === BACKSLASH) at++;
      continue;
    }
    const kind = KIND[octet];
    if (kind === OPENING) depth++;
    else if (kind === CLOSING) {
      if (--depth > 0) continue;
      if (octet !== 0x5d || !isBlank(json, at + 1, length)) return undefined;
      if (items.length > 0 || !isBlank(json, from, at)) items.push(json.subarray(from, at));
      return items;
    } else if (octet === COMMA && depth === 1) {
      items.push(json.subarray(from, at));
      if (items.length > most) return items;
      from = at + 1;
    }
  }
  return undefined;
}

/**
 * The octets of some members of a JSON object, without parsing it; of several of one name, the last, as `JSON.parse` has it.
 * What is found is JSON only if it is parsed as that; what is not asked for is not looked at. A nanosecond or two an octet.
 * @returns undefined where it is not an object, or does not end where it should
 */
export function membersOf(json: Buffer, names: ReadonlySet<string>): Map<string, Buffer> | undefined {
  const found = new Map<string, Buffer>();
  const start = firstOf(json);
  if (json[start] !== 0x7b) return undefined;
  let [depth, from] = [0, -1];
  let name: string | undefined;
  const take = (to: number): void => {
    if (name !== undefined && from >= 0) found.set(name, json.subarray(from, to));
    [name, from] = [undefined, -1];
  };
  for (let at = start; at < json.length; at++) {
    const octet = json[at]!;
    if (octet === QUOTE) {
      const opened = at;
      while (++at < json.length && json[at] !== QUOTE) if (json[at] === BACKSLASH) at++;
      if (depth === 1 && from < 0) name = nameIn(json.subarray(opened, at + 1), names);
    } else if (octet === COLON && depth === 1 && from < 0) from = at + 1;
    else if (octet === COMMA && depth === 1) take(at);
    else if (KIND[octet] === OPENING) depth++;
    else if (KIND[octet] === CLOSING && --depth === 0) {
      take(at);
      return octet === 0x7d && isBlank(json, at + 1, json.length) ? found : undefined;
    }
  }
  return undefined;
}

/** Most names are told by their length alone. */
function nameIn(quoted: Buffer, names: ReadonlySet<string>): string | undefined {
  const isEscaped = quoted.includes(BACKSLASH);
  if (!isEscaped && quoted.length > LONGEST_NAME) return undefined;
  try {
    const name = JSON.parse(quoted.toString('utf8')) as string;
    return names.has(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Where it begins, behind spaces and a byte order mark. */
function firstOf(json: Buffer): number {
  let at = json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf ? 3 : 0;
  while (at < json.length && IS_SPACE[json[at]!] === 1) at++;
  return at;
}

function isBlank(json: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (IS_SPACE[json[at]!] !== 1) return false;
  return true;
}

import { isAlias, isMap, isScalar, isSeq, Scalar, type Document, type Node, type Pair } from 'yaml';

/** Where something stands in a YAML document. */
export type YamlPath = readonly (string | number)[];

/** Where in the text the value at `path` starts; of what encloses it, if it is not there. */
export function offsetOfValue(document: Document, path: YamlPath): number {
  return startOf(walk(document, path));
}

/** Where in the text the key `key` of the map at `path` starts. */
export function offsetOfKey(document: Document, path: YamlPath, key: string): number {
  const map = walk(document, path);
  const pair = isMap(map) ? pairOf(map.items, key) : undefined;
  return startOf((pair?.key as Node | undefined) ?? map);
}

/**
 * Where in the text the character at `offset` of the string at `path` stands. Quoting, escapes, folding and
 * indentation change only white space and the length of single characters, so the way is to count the characters that
 * are not white space in the value, and to go as many of them into the text.
 */
export function offsetInString(document: Document, text: string, path: YamlPath, offset: number): number {
  const node = walk(document, path);
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return startOf(node);
  const before = node.value.slice(0, offset);
  const ahead = node.value.slice(offset).trim() !== '';
  const source = text.slice(node.range[0], node.range[1]);
  const inks = inkPositions(source, node.type);
  const count = before.replace(/\s/g, '').length;
  // At the end of the expression, where no character follows, right behind the last one.
  const position = ahead ? inks[count] : inks[count - 1] === undefined ? undefined : inks[count - 1]! + 1;
  return node.range[0] + (position ?? 0);
}

/** Where in a scalar's text each character (UTF-16 unit) of its value stands that is not white space. */
function inkPositions(source: string, type: Scalar.Type | undefined): number[] {
  if (type === Scalar.QUOTE_DOUBLE) return doubleQuoted(source);
  const quoted = type === Scalar.QUOTE_SINGLE;
  const block = type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED;
  const start = block ? source.indexOf('\n') + 1 : quoted ? 1 : 0;
  const end = quoted ? source.length - 1 : source.length;
  const positions: number[] = [];
  for (let at = start; at < end; at++) {
    if (/\s/.test(source[at]!)) continue;
    positions.push(at);
    // A quote within single quotes is written twice.
    if (quoted && source[at] === "'") at++;
  }
  return positions;
}

function doubleQuoted(source: string): number[] {
  const positions: number[] = [];
  for (let at = 1; at < source.length - 1;) {
    const escape = /^\\(x..|u.{4}|U.{8}|[^])/.exec(source.slice(at, at + 10))?.[0];
    const length = escape?.length ?? 1;
    for (let unit = 0; unit < unitsOf(escape ?? source[at]!); unit++) positions.push(at);
    at += length;
  }
  return positions;
}

/** How many units that are not white space a piece of double-quoted text stands for. */
function unitsOf(piece: string): number {
  if (piece.length === 1) return /\s/.test(piece) ? 0 : 1;
  // These stand for white space, or (at the end of a line) for nothing.
  if (/^\\[tnvfrNLP_\s]$/.test(piece)) return 0;
  const code = /^\\[xuU]/.test(piece) ? Number.parseInt(piece.slice(2), 16) : 0x41;
  if (Number.isNaN(code) || code > 0x10ffff) return 1;
  return String.fromCodePoint(code).replace(/\s/g, '').length;
}

/** The node at `path`, through aliases; the last one on the way if the path ends early. */
function walk(document: Document, path: YamlPath): Node | null {
  let node = resolve(document, document.contents);
  for (const key of path) {
    const next = isMap(node)
      ? pairOf(node.items, key)?.value
      : isSeq(node)
        ? node.items[key as number]
        : undefined;
    if (next === undefined || next === null) return node;
    node = resolve(document, next as Node);
  }
  return node;
}

function resolve(document: Document, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}

function pairOf(pairs: readonly Pair[], key: string | number): Pair | undefined {
  return pairs.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function startOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}

/** As many as a file of the largest size could write out without aliases. */
const MAX_VALUES = 250_000;

/**
 * The values of a YAML document, aliases followed. An anchor may be used as often as one likes; but a few lines of nested
 * aliases can stand for gigabytes, so what they stand for is counted, each alias as a copy.
 * @throws Error in words for the person who wrote the file
 */
export function valuesOf(document: Document): unknown {
  // An alias becomes the very object of its anchor, so nothing is copied here.
  const raw: unknown = document.toJS({ maxAliasCount: -1 });
  if (countOf(raw, new Map()) > MAX_VALUES)
    throw new Error(`its aliases stand for more than ${MAX_VALUES} values`);
  return raw;
}

/** Each object is counted once, and its count used wherever it stands. */
function countOf(value: unknown, counted: Map<object, number>): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = counted.get(value);
  if (count === undefined) {
    count = 1;
    // What stands for itself has no end.
    counted.set(value, Infinity);
    for (const item of Object.values(value)) count += countOf(item, counted);
    counted.set(value, count);
  }
  return count;
}

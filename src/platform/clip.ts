/** What ends a text that was cut. */
const ELLIPSIS = '…';

/**
 * The text, or as much of its beginning as fits in `maxBytes` as JSON writes it in UTF-8, with an ellipsis; never half a
 * character. Temporal counts the bytes of what it is given, whatever its messages call them. Without Node's own, since workflow
 * code may need it.
 */
export function clipToJsonBytes(text: string, maxBytes: number): string {
  if (jsonBytes(text) <= maxBytes) return text;
  let left = maxBytes - jsonBytes(ELLIPSIS);
  let clipped = '';
  for (const character of text) {
    left -= jsonBytes(character);
    if (left < 0) break;
    clipped += character;
  }
  return clipped + ELLIPSIS;
}

/** Bytes of a text within a JSON string in UTF-8, its quotation marks not counted. */
export function jsonBytes(text: string): number {
  let bytes = 0;
  // JSON writes half a surrogate pair as an escape.
  for (const character of JSON.stringify(text).slice(1, -1)) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

import type { PushOutcome } from './post.js';

/** Characters of an answer that are shown. */
const SHOWN = 200;
/** Characters of an answer that are looked at: its markup may be most of it, and what looks for patterns is not linear. */
const LOOKED_AT = 2_000;
/** Shorter texts are no secrets, and stand in many answers. */
const SHORTEST_SECRET = 4;
const HIDDEN = '[…]';

/** Keys and tokens as they are often written, no matter whose they are. */
const CREDENTIALS = /\bwhs(?:ec|k)_[\w+/=-]+|\b(?:Bearer|Basic)\s+[\w.~+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/gi;

/**
 * What a request came to, with the beginning of what its receiver said: one line, without markup and control characters, and
 * without what was sent to it in secret, for receivers like to repeat what they were asked.
 * @param secrets what must not be shown
 */
export function lastErrorOf(
  { error = '', body }: Pick<PushOutcome, 'error' | 'body'>,
  secrets: readonly string[],
): string {
  const words = shown(body, secrets);
  return words === '' ? error : `${error}: ${words}`;
}

/** What of headers and a url is secret: their values, and the parts behind a scheme such as `Bearer`. */
export function secretsOf(headers: Readonly<Record<string, string>>, url: string): string[] {
  const values = Object.values(headers).flatMap((value) => [value, ...value.split(/\s+/).slice(1)]);
  const query = [...new URL(url).searchParams.values()].flatMap((value) => [
    value,
    encodeURIComponent(value),
  ]);
  const all = new Set([...values, ...query].filter((text) => text.length >= SHORTEST_SECRET));
  // The longest first: one may be a part of another.
  return [...all].sort((left, right) => right.length - left.length);
}

function shown(body: string, secrets: readonly string[]): string {
  let text = body;
  for (const secret of secrets) text = text.replaceAll(secret, HIDDEN);
  // Without the tag or the word that is cut: half of a key would not be known for one.
  if (text.length > LOOKED_AT)
    text = text
      .slice(0, LOOKED_AT)
      .replace(/<[^<>]*$/, '')
      .replace(/\s\S+$/, '');
  text = text
    .replace(CREDENTIALS, HIDDEN)
    .replace(/<(style|script)\b[^]*?<\/\1>|<[^<>]*>/gi, ' ')
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
  const characters = [...text.slice(0, 2 * SHOWN)];
  return characters.length > SHOWN ? `${characters.slice(0, SHOWN - 1).join('')}…` : characters.join('');
}

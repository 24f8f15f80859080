import { createHash } from 'node:crypto';
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node, type Scalar } from 'yaml';
import { storedNameOf, variableOf } from './secret-reference.js';

/** What stands in the place of a secret that is not kept; a fingerprint follows. It has the form that files ask for. */
const MARK = 'SECRET/LEFT/OUT/';

/** A signing secret anywhere in a text: in a comment, say. */
const SIGNING = /(wh(?:sec|sk)_)(?!SECRET\/LEFT\/OUT\/)[A-Za-z0-9+/]{16,}={0,2}/g;

/** True for what {@link withoutSecrets} has put in the place of a secret, or of an address with one. */
export function isLeftOut(value: string): boolean {
  return value.includes(MARK);
}

/**
 * A tenant's file without its literal secrets: signing secrets, values of headers, and of webhooks' addresses the user, the
 * password and the query. Each is replaced by a fingerprint that tells two of them apart and not what they were; all else,
 * comments included, stays as it is. References to variables are no secrets.
 */
export function withoutSecrets(text: string): string {
  const cuts = literalsIn(parseDocument(text)).sort((a, b) => b.start - a.start);
  let left = text;
  for (const { start, end, instead } of cuts)
    left = `${left.slice(0, start)}${JSON.stringify(instead)}${left.slice(end)}`;
  return left.replaceAll(SIGNING, (secret, prefix: string) => `${prefix}${MARK}${fingerprint(secret)}`);
}

interface Cut {
  readonly start: number;
  readonly end: number;
  readonly instead: string;
}

function literalsIn(document: Document): Cut[] {
  const cuts = new Map<number, Cut>();
  const cut = (node: unknown, instead: (value: string) => string | undefined): void => {
    const scalar = scalarAt(document, node);
    const value = scalar?.value;
    const [start, end] = scalar?.range ?? [];
    if (typeof value !== 'string' || start === undefined || end === undefined) return;
    const replaced = instead(value);
    // An anchor's value is cut once, however many aliases it has.
    if (replaced !== undefined) cuts.set(start, { start, end, instead: replaced });
  };
  for (const subscription of itemsOf(document, valueOf(document, document.contents, 'subscriptions'))) {
    cut(valueOf(document, subscription, 'secret'), signingInstead);
    for (const secret of itemsOf(document, valueOf(document, subscription, 'secrets')))
      cut(secret, signingInstead);
    for (const header of valuesOf(document, valueOf(document, subscription, 'headers')))
      cut(header, headerInstead);
    cut(valueOf(document, subscription, 'url'), urlInstead);
  }
  return [...cuts.values()];
}

function signingInstead(secret: string): string | undefined {
  const [, prefix] = /^(wh(?:sec|sk)_)/.exec(secret) ?? [];
  return prefix === undefined || isLeftOut(secret) ? undefined : `${prefix}${MARK}${fingerprint(secret)}`;
}

function headerInstead(value: string): string | undefined {
  const isReference = variableOf(value) !== undefined || storedNameOf(value) !== undefined;
  return isReference || isLeftOut(value) ? undefined : `${MARK}${fingerprint(value)}`;
}

function urlInstead(url: string): string | undefined {
  if (!URL.canParse(url) || isLeftOut(url)) return undefined;
  const { username, password, search, origin, pathname } = new URL(url);
  if (username === '' && password === '' && search === '') return undefined;
  return `${origin}${pathname}?${MARK}${fingerprint(url)}`;
}

function fingerprint(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 8);
}

function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function scalarAt(document: Document, node: unknown): Scalar | undefined {
  const found = resolved(document, node);
  return isScalar(found) ? found : undefined;
}

function valueOf(document: Document, node: unknown, key: string): unknown {
  const map = resolved(document, node);
  return isMap(map)
    ? map.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.value
    : undefined;
}

function valuesOf(document: Document, node: unknown): unknown[] {
  const map = resolved(document, node);
  return isMap(map) ? map.items.map(({ value }) => value) : [];
}

function itemsOf(document: Document, node: unknown): Node[] {
  const seq = resolved(document, node);
  return isSeq(seq) ? (seq.items as Node[]) : [];
}

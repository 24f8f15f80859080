import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FENCE = /^( *)```(\w*)\n(.*?)^ *```$/gms;

/** A block of code in a document. */
export interface CodeBlock {
  /** Where it is, for messages: `docs/x.md:12`. */
  readonly place: string;
  /** `sh`, `yaml`, `json`, …; empty where the fence names none. */
  readonly language: string;
  /** Without the indentation of its fence. */
  readonly text: string;
}

/** The documents for users: paths from the root of the repository. */
export function documents(): string[] {
  const within = ['docs', 'examples'].flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  );
  return ['README.md', ...within.filter((path) => path.endsWith('.md')).sort()];
}

/** The text of a document, or of one of its sections: from the heading to the next one of the same level. */
export function textOf(document: string, section?: string): string {
  const text = readFileSync(`${ROOT}${document}`, 'utf8');
  if (section === undefined) return text;
  const [, ...parts] = text.split(`\n## ${section}\n`);
  assert.equal(parts.length, 1, `"${section}" is a section of ${document}, once`);
  return parts[0]!.split('\n## ')[0]!;
}

/** All blocks of code of a document, or of one of its sections, in order. */
export function codeBlocks(document: string, section?: string): CodeBlock[] {
  const whole = textOf(document);
  const text = textOf(document, section);
  const offset = whole.indexOf(text);
  return [...text.matchAll(FENCE)].map(({ index, 1: indent = '', 2: language = '', 3: code = '' }) => ({
    place: `${document}:${whole.slice(0, offset + index).split('\n').length}`,
    language,
    text: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** The text of a document's first block of code in a language that comes after some words of it. */
export function recipeAfter(document: string, words: string, language: 'sql' | 'python'): string {
  const [, ...parts] = textOf(document).split(words);
  assert.equal(parts.length, 1, `"${words}" is in ${document} once`);
  const [block] = [...parts[0]!.matchAll(FENCE)];
  assert.equal(block?.[2], language, `${language} comes after "${words}" in ${document}`);
  return block![3]!;
}

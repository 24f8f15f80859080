import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The text of the README's first block of code in a language that comes after some words of it. */
export function recipeAfter(words: string, language: 'sql' | 'python'): string {
  const [, ...parts] = README.split(words);
  assert.equal(parts.length, 1, `"${words}" is in the README once`);
  const fence = '```';
  const [block] = parts[0]!.split(`\n${fence}\n`);
  const [between, text] = block!.split(`\n${fence}${language}\n`);
  assert.ok(text !== undefined && !between!.includes(fence), `${language} comes after "${words}"`);
  return `${text}\n`;
}

/** Links between documents: to files that are there, and to headings that they have. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { anchorOf } from './markdown.mjs';

/** Documents in the root whose links are checked, beside all of docs/. */
const ROOT_DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'];

/** The documents of a tree, as absolute paths. */
export async function documentsOf(root) {
  const names = await readdir(join(root, 'docs'), { recursive: true }).catch(() => []);
  const docs = names.filter((name) => name.endsWith('.md')).map((name) => join('docs', name));
  return [...ROOT_DOCUMENTS, ...docs.sort()].map((name) => join(root, name)).filter(existsSync);
}

/** A sentence for each relative link that leads nowhere. */
export async function brokenLinks(root, documents) {
  const found = await Promise.all(documents.map((path) => brokenIn(root, path)));
  return found.flat();
}

async function brokenIn(root, path) {
  const links = linksOf(await readFile(path, 'utf8'));
  const checked = await Promise.all(links.map(async (link) => [link, await problemOf(path, link)]));
  return checked
    .filter(([, problem]) => problem !== undefined)
    .map(([link, problem]) => `${relative(root, path)}: the link ${link} is broken: ${problem}.`);
}

async function problemOf(from, link) {
  const [file, anchor] = decodeURI(link).split('#');
  const target = file === '' ? from : resolve(dirname(from), file);
  if (!existsSync(target)) return 'there is no such file';
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  const anchors = anchorsOf(await readFile(target, 'utf8'));
  return anchors.has(anchor) ? undefined : 'there is no such heading';
}

/** The relative targets of links and images outside of code, each once. */
function linksOf(text) {
  const written = [
    ...withoutCode(text).matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...withoutCode(text).matchAll(/^\[[^\]]+\]:\s+(\S+)/gm),
  ];
  const targets = new Set(written.map(([, target]) => target));
  return [...targets].filter((target) => !/^([a-z][a-z+.-]*:|\/)/i.test(target));
}

function anchorsOf(text) {
  const lines = withoutBlocks(text).split('\n');
  const headings = lines.flatMap((line) => /^#{1,6}\s+(.*)$/.exec(line)?.[1] ?? []);
  const anchors = new Set();
  for (const heading of headings) {
    const anchor = anchorOf(heading);
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n += 1) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

const withoutBlocks = (text) => text.replace(/^( *)(```+|~~~+)[^]*?^\1\2/gm, '');
const withoutCode = (text) => withoutBlocks(text).replace(/(`+)[^`]+\1/g, '');

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { sharedAnswer } from '../platform/shared-answer.js';
import { fixedAnswer, type FixedAnswer } from './fixed-answer.js';

/** The console as a process serves it. Each part is read when it is first asked for, and then kept. */
export interface Console {
  page(): Promise<FixedAnswer>;
  /** What the page loads; undefined where it has no such file. */
  file(name: string): Promise<FixedAnswer> | undefined;
}

/** The console's own files, in `src/console`. */
const OWN = [
  'api.js',
  'asking.js',
  'batch.js',
  'confirm.js',
  'console.css',
  'dead-letter.js',
  'dead-letters.js',
  'decisions.js',
  'format.js',
  'html.js',
  'location.js',
  'log-in.js',
  'operation.js',
  'overview.js',
  'pages.js',
  'parts.js',
  'plot.js',
  'replay.js',
  'replays.js',
  'said.js',
  'session.js',
  'shell.js',
  'start.js',
  'subscription.js',
  'subscriptions.js',
  'tenant-picker.js',
];

/** A file of a library. */
interface LibraryFile {
  /** As it is imported. */
  readonly from: string;
  /** The file beside the one that Node would load; default: that one. */
  readonly beside?: string;
  /** What it imports by name. A browser does not know where a package is: here it is beside it. */
  readonly imports?: string;
}

const LIBRARIES: Readonly<Record<string, LibraryFile>> = {
  'preact.js': { from: 'preact' },
  'hooks.js': { from: 'preact/hooks', imports: 'preact' },
  'htm.js': { from: 'htm', beside: 'htm.mjs' },
  'uplot.js': { from: 'uplot/dist/uPlot.esm.js' },
  'uplot.css': { from: 'uplot/dist/uPlot.min.css' },
};

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};

/** Makes the console. */
export function createConsole(): Console {
  const kept = (type: string, read: () => Promise<Buffer>) =>
    sharedAnswer(async () => fixedAnswer(type, await read()));
  const own = (name: string) => readFile(new URL(`../console/${name}`, import.meta.url));
  const files = new Map<string, () => Promise<FixedAnswer>>();
  for (const name of OWN)
    files.set(
      name,
      kept(typeOf(name), () => own(name)),
    );
  for (const name of Object.keys(LIBRARIES))
    files.set(
      name,
      kept(typeOf(name), () => library(name)),
    );
  return {
    page: kept('text/html; charset=utf-8', () => own('index.html')),
    file: (name) => files.get(name)?.(),
  };
}

function typeOf(name: string): string {
  return TYPES[name.slice(name.lastIndexOf('.') + 1)]!;
}

async function library(name: string): Promise<Buffer> {
  const { from, beside, imports } = LIBRARIES[name]!;
  const resolved = createRequire(import.meta.url).resolve(from);
  const content = await readFile(beside === undefined ? resolved : join(dirname(resolved), beside));
  if (imports === undefined) return content;
  return Buffer.from(content.toString('utf8').replaceAll(`from"${imports}"`, `from"./${imports}.js"`));
}

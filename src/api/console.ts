import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { sharedAnswer } from '../platform/shared-answer.js';
import { fixedAnswer, type FixedAnswer } from './fixed-answer.js';
import { joinModules } from './join-modules.js';

/** A file of the console. */
interface ConsoleFile {
  readonly answer: FixedAnswer;
  /** Whether there is nothing else under its name, ever. */
  readonly forGood: boolean;
}

/** The console as a process serves it: made when it is first asked for, and then kept. */
export interface Console {
  page(): Promise<FixedAnswer>;
  /** What the page loads, by a name that says what is in it; undefined where there is no such file. */
  file(name: string): Promise<ConsoleFile | undefined>;
}

/** A file of a library. */
interface LibraryFile {
  /** As it is imported. */
  readonly from: string;
  /** The file beside the one that Node would load; default: that one. */
  readonly beside?: string;
  /** What an old script leaves in a variable of this name is what the module exports. */
  readonly variable?: string;
}

const LIBRARIES: Readonly<Record<string, LibraryFile>> = {
  'preact.js': { from: 'preact' },
  'hooks.js': { from: 'preact/hooks' },
  'htm.js': { from: 'htm', beside: 'htm.mjs' },
  'uplot.js': { from: 'uplot/dist/uPlot.iife.min.js', variable: 'uPlot' },
  'uplot.css': { from: 'uplot/dist/uPlot.min.css' },
};

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

interface MadeConsole {
  readonly page: FixedAnswer;
  readonly files: ReadonlyMap<string, ConsoleFile>;
}

/** Makes the console: its modules joined into one script, so that a page is there after few requests. */
export function createConsole(): Console {
  const made = sharedAnswer(make);
  return {
    page: async () => (await made()).page,
    file: async (name) => (await made()).files.get(name),
  };
}

async function make(): Promise<MadeConsole> {
  const plot = await read('uplot.js');
  const plotName = nameOf('uplot.js', plot);
  const script = (await joinModules('start.js', read)).replaceAll("'./uplot.js'", `'./${plotName}'`);
  const style = `${await read('uplot.css')}\n${await read('console.css')}`;
  const scriptName = nameOf('console.js', script);
  const styleName = nameOf('console.css', style);
  const page = (await read('index.html'))
    .replace('console.css', styleName)
    .replace('start.js', scriptName)
    .replace('uplot.js', plotName);
  return {
    page: await fixedAnswer('text/html; charset=utf-8', Buffer.from(page)),
    files: new Map([
      ...named(['console.js', scriptName], await fixedAnswer(SCRIPT, Buffer.from(script))),
      ...named(['uplot.js', plotName], await fixedAnswer(SCRIPT, Buffer.from(plot))),
      ...named(['console.css', styleName], await fixedAnswer(STYLE, Buffer.from(style))),
    ]),
  };
}

/** By its plain name a file is for people who look: it may be another tomorrow. */
function named(
  [plain, own]: readonly [string, string],
  answer: FixedAnswer,
): (readonly [string, ConsoleFile])[] {
  return [
    [plain, { answer, forGood: false }],
    [own, { answer, forGood: true }],
  ];
}

/** The name that a file is served by: what is in it is part of it, so that who has it need never ask again. */
function nameOf(name: string, content: string): string {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return name.replace('.', `-${digest}.`);
}

function read(name: string): Promise<string> {
  const found = Object.hasOwn(LIBRARIES, name) ? LIBRARIES[name] : undefined;
  if (found !== undefined) return readLibrary(found);
  return readFile(new URL(`../console/${name}`, import.meta.url), 'utf8');
}

async function readLibrary({ from, beside, variable }: LibraryFile): Promise<string> {
  const resolved = createRequire(import.meta.url).resolve(from);
  const content = await readFile(beside === undefined ? resolved : join(dirname(resolved), beside), 'utf8');
  if (variable !== undefined) return `${content}\nexport { ${variable} as default };\n`;
  return (
    content
      // A library is one long line: what it imports and exports comes onto lines of its own.
      .replaceAll(/import\{([^}]*)\}from"([\w/]+)";/g, 'import {$1} from "./$2.js";\n')
      .replaceAll(/([;}])export\s*(\{[^}]*\}|default )/g, '$1\nexport $2')
  );
}

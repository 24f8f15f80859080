import { readdir, readFile } from 'node:fs/promises';
import { sharedAnswer } from '../platform/shared-answer.js';
import { fixedAnswer, type FixedAnswer } from './fixed-answer.js';

/** A file of the console. */
interface ConsoleFile {
  readonly answer: FixedAnswer;
  /** Whether there is nothing else under its name, ever. */
  readonly forGood: boolean;
}

/** The console as a process serves it: read when it is first asked for, and then kept. */
export interface Console {
  page(): Promise<FixedAnswer>;
  /** What the page loads, by a name that says what is in it; undefined where there is no such file. */
  file(name: string): Promise<ConsoleFile | undefined>;
}

/** Where `scripts/bundle-console.mjs` has put it: the same, seen from src and from dist. */
const BUILT = new URL('../../dist/console/', import.meta.url);

/** What is in a file is part of its name: `console-4KBFW5DM.js`. */
const OWN_NAME = /^(?<plain>[\w.]+)-[A-Z0-9]{8}\.(?<ending>js|css)$/;

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};

interface ReadConsole {
  readonly page: FixedAnswer;
  readonly files: ReadonlyMap<string, ConsoleFile>;
}

/** The console that was built. */
export function createConsole(): Console {
  const built = sharedAnswer(readAll);
  return {
    page: async () => (await built()).page,
    file: async (name) => (await built()).files.get(name),
  };
}

async function readAll(): Promise<ReadConsole> {
  const files = await Promise.all((await readdir(BUILT)).map(readOne));
  const page = await readFile(new URL('index.html', BUILT));
  return { page: await fixedAnswer('text/html; charset=utf-8', page), files: new Map(files.flat()) };
}

/** By its plain name a file is for people who look: it may be another tomorrow. */
async function readOne(name: string): Promise<(readonly [string, ConsoleFile])[]> {
  const { plain, ending = '' } = OWN_NAME.exec(name)?.groups ?? {};
  const type = TYPES[ending];
  if (plain === undefined || type === undefined) return [];
  const answer = await fixedAnswer(type, await readFile(new URL(name, BUILT)));
  return [
    [`${plain}.${ending}`, { answer, forGood: false }],
    [name, { answer, forGood: true }],
  ];
}

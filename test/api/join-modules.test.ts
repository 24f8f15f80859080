import assert from 'node:assert/strict';
import { joinModules } from '../../src/api/join-modules.js';

/** Joins modules, runs them, and gives what the first exports. */
async function run(modules: Readonly<Record<string, string>>): Promise<unknown> {
  const joined = await joinModules('first.js', (name) => Promise.resolve(modules[name] ?? ''));
  return new Function(`${joined}\nreturn modules['first.js'];`)();
}

describe('modules joined into one script', () => {
  it('do what they do apart: each has names of its own, and is run once', async () => {
    const result = await run({
      'first.js': `
import { add, LIMIT as most } from './numbers.js';
import {
  Kind,
  later,
} from './kinds.js';
import twice from './twice.js';
const own = add(1, most);
export { own as sum };
export const kind = new Kind().name;
export const doubled = twice(own);
export async function asks() { return later(); }
`,
      'numbers.js': `
const own = 'of another module';
let runs = 0;
runs++;
export const LIMIT = 41;
/** Adds. */
export function add(one, other) { return one + other; }
export function ran() { return [runs, own]; }
`,
      'kinds.js': `
import { ran } from './numbers.js';
export class Kind { name = ran(); }
export async function later() { return 'later'; }
`,
      'twice.js': 'export default function (value) { return 2 * value; }',
    });
    const { sum, kind, doubled, asks } = result as Record<string, unknown>;
    assert.deepEqual([sum, kind, doubled], [42, [1, 'of another module'], 84]);
    assert.equal(await (asks as () => Promise<string>)(), 'later');
  });

  for (const [what, text] of [
    ['an export of everything', `export * from './other.js';`],
    ['an import of a namespace', `import * as other from './other.js';`],
    ['an import for its effect', `import './other.js';`],
    ['an import of a package', `import { h } from 'preact';`],
    ['an export in the middle of a line', `const a = 1;export{a as b};const c = 2;`],
  ] as const)
    it(`${what} is refused`, async () => {
      await assert.rejects(run({ 'first.js': text }), /first\.js .* is not joined/);
    });

  it('a circle is refused', async () => {
    const modules = {
      'first.js': `import { a } from './second.js';\nexport const b = 1;`,
      'second.js': `import { b } from './first.js';\nexport const a = 1;`,
    };
    await assert.rejects(run(modules), /in a circle: first\.js/);
  });
});

import assert from 'node:assert/strict';

const MODULE = new URL('../../scripts/word-list.mjs', import.meta.url).href;
const { wrongWordsIn } = (await import(MODULE)) as {
  readonly wrongWordsIn: (file: string, text: string) => readonly string[];
};

/** Line and words of each problem. */
const foundIn = (file: string, text: string): string[] =>
  wrongWordsIn(file, text).map((problem) => /^[^:]+:(\d+: "[^"]+")/.exec(problem)?.[1] ?? problem);

describe('the list of words', () => {
  it('is held against comments and strings of code, also across the lines of a comment', () => {
    const text = [
      '/** Goes on by itself. */',
      'const a = `waits in ${b} vain`;',
      '/**',
      ' * What the caller is told',
      ' * of.',
      ' */',
      "throw new Error('a name is no text');",
    ];
    assert.deepEqual(foundIn('src/a.ts', text.join('\n')), [
      '4: "told of"',
      '7: "is no text"',
      '1: "by itself"',
    ]);
  });

  it('is not held against identifiers and log phrases', () => {
    const text = "const mend = whoever.mend(); this.options.log.warn({ mend }, 'when it is mended'); // fine";
    assert.deepEqual(foundIn('src/a.ts', text), []);
  });

  it('knows what the words mean elsewhere', () => {
    const text =
      '// There is no text. As long as it is so long that it breaks. It is no longer so many as before.';
    assert.deepEqual(foundIn('src/a.ts', text), []);
  });

  it('has the words of the glossary for documents, where blocks of code are left out', () => {
    const text = ['The lot, a lot of it.', '```sh', 'take the lot', '```', 'Whoever', 'asks.'].join('\n');
    assert.deepEqual(foundIn('docs/a.md', text), ['5: "Whoever"', '1: "lot"']);
    assert.deepEqual(foundIn('src/a.ts', '// The lot.'), []);
    const glossary = '| leased batch (lot) | a delivery attempt |\n| batch | of a lot, |';
    assert.deepEqual(foundIn('ARCHITECTURE.md', glossary), ['2: "lot"']);
  });

  it('lets what is on the wire be', () => {
    assert.deepEqual(foundIn('src/commands/examine.ts', "print({ 'mend': 1 })"), []);
    assert.deepEqual(foundIn('src/a.ts', "startActivity('park')"), []);
    assert.deepEqual(foundIn('src/a.ts', "print('parked')"), ['1: "parked"']);
    assert.deepEqual(foundIn('src/rules/a.ts', "print({ 'mend': 1 })"), ['1: "mend"']);
  });
});

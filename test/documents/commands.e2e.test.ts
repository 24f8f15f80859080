import assert from 'node:assert/strict';
import { codeBlocks, documents } from '../support/documents.js';
import { runHeadgate } from '../support/headgate.js';

/** A command as a document has it: its words, and the options after them. */
interface Written {
  readonly place: string;
  readonly words: string[];
  readonly options: string[];
}

/** Commands, without what is quoted, and with lines that go on joined. */
function commandsIn(place: string, text: string): Written[] {
  const plain = text
    .replaceAll(/\\\n\s*/g, ' ')
    .replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'/g, 'QUOTED')
    .replaceAll(/\s#.*$/gm, '');
  return [...plain.matchAll(/\bheadgate ([a-z][^\n|&;>)]*)/g)].map(([, rest = '']) => {
    const words = rest.trim().split(/\s+/);
    const options = words.filter((word) => word.startsWith('--'));
    const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
    return { place, words: words.slice(0, end === -1 ? 2 : Math.min(end, 2)), options };
  });
}

describe('the commands in the documents', function () {
  this.timeout(120_000);
  const helps = new Map<string, Promise<string>>();

  function helpOf(words: readonly string[]): Promise<string> {
    const key = words.join(' ');
    const help = helps.get(key) ?? runHeadgate([...words, '--help'], {}).then(({ stdout }) => stdout);
    helps.set(key, help);
    return help;
  }

  const written = documents()
    .flatMap((document) => codeBlocks(document))
    .filter(({ language }) => language === 'sh')
    .flatMap(({ place, text }) => commandsIn(place, text));

  it('are there, with their options', async () => {
    assert.ok(written.length >= 40, `${written.length} commands`);
    await Promise.all(written.map(assertThere));
  });

  async function assertThere({ place, words, options }: Written): Promise<void> {
    const [command = ''] = words;
    const group = await helpOf([command]);
    assert.match(group, new RegExp(`^Usage: headgate ${command}`), `${place}: headgate ${command}`);
    const isNested = group.includes('\nCommands:') && new RegExp(`^  ${words[1]} `, 'm').test(group);
    const help = isNested ? await helpOf(words) : group;
    for (const option of options)
      assert.ok(help.includes(`${option} `), `${place}: headgate ${words.join(' ')} ${option}`);
  }
});

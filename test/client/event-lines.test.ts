import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { eventFor, readLines, type FileLine } from '../../src/events/event-lines.js';
import { useTempDir } from '../support/temp-dir.js';

describe('the lines of a file', () => {
  const dir = useTempDir();

  async function linesOf(content: string | Buffer): Promise<FileLine[]> {
    const path = join(dir(), 'events');
    writeFileSync(path, content);
    const lines: FileLine[] = [];
    for await (const line of readLines(path)) lines.push(line);
    return lines;
  }

  async function textsOf(content: string | Buffer): Promise<string[]> {
    return (await linesOf(content)).map(({ text }) => text);
  }

  const contents: [name: string, content: string, lines: string[]][] = [
    ['plain', 'a\nb\n', ['a', 'b']],
    ['without an end', 'a\nb', ['a', 'b']],
    ['with CRLF', 'a\r\nb\r\n', ['a', 'b']],
    ['with empty lines', '\n\na\n \t\n\r\nb\n\n', ['a', 'b']],
    ['with a byte order mark', '\uFEFFa\nb\n', ['a', 'b']],
    [
      'with separators that JSON allows in texts',
      'a\u2028b\u2029c\nd\u0085e\n',
      ['a\u2028b\u2029c', 'd\u0085e'],
    ],
    ['with letters of several bytes', 'é☃𝄞\né☃𝄞\n', ['é☃𝄞', 'é☃𝄞']],
    ['empty', '', []],
  ];
  for (const [name, content, lines] of contents) {
    it(`are read ${name}, gzipped or not`, async () => {
      assert.deepEqual(await textsOf(content), lines);
      assert.deepEqual(await textsOf(gzipSync(content)), lines);
    });
  }

  it('are read however long, and whatever the pieces they come in', async () => {
    const long = 'é'.repeat(200_000);
    assert.deepEqual(await textsOf(`${long}\n${long}x\nend`), [long, `${long}x`, 'end']);
    const text = fc.string({ unit: 'binary', maxLength: 50 }).map((each) => each.replace(/[\r\n]/g, ' '));
    await fc.assert(
      fc.asyncProperty(fc.array(text), async (lines) => {
        const wanted = lines.map((line, n) => `${n}${line}`);
        assert.deepEqual(await textsOf(wanted.join('\n')), wanted);
      }),
      { numRuns: 50 },
    );
  });

  it('know how far into the file they are, gzipped or not', async () => {
    const content = Array.from({ length: 50_000 }, (_, n) => `line ${n}`).join('\n');
    for (const stored of [Buffer.from(content), gzipSync(content)]) {
      const lines = await linesOf(stored);
      assert.equal(lines.at(-1)?.position, statSync(join(dir(), 'events')).size);
      assert.ok((lines[0]?.position ?? 0) > 0);
      assert.ok(lines.every(({ position }, n) => position >= (lines[n - 1]?.position ?? 0)));
    }
  });

  it('of a file that cannot be read are refused with its name', async () => {
    const refused = { code: 'FILE_UNREADABLE', message: /events/ };
    const read = async (path: string): Promise<void> => {
      for await (const line of readLines(path)) void line;
    };
    await assert.rejects(read(join(dir(), 'no', 'events')), refused);
    await assert.rejects(read(dir()), { code: 'FILE_UNREADABLE' });
    const zipped = gzipSync('a\nb\n'.repeat(10_000));
    for (const broken of [
      zipped.subarray(0, 60),
      zipped.map((byte, at) => (at === 40 ? byte ^ 0xff : byte)),
    ]) {
      await assert.rejects(textsOf(Buffer.from(broken)), refused);
    }
    await new Promise((later) => setTimeout(later, 20));
  });

  it('may be left before their end', async () => {
    writeFileSync(join(dir(), 'events'), 'a\n'.repeat(100_000));
    for await (const { text } of readLines(join(dir(), 'events'))) {
      assert.equal(text, 'a');
      break;
    }
  });
});

describe('the event of a line', () => {
  const wrapped = '{"tenant":"UA","event":{"id":"a","data":{"n":1.50}}}';
  const lines: [name: string, line: string, event: string | undefined][] = [
    ['wrapped for this tenant', wrapped, '{"id":"a","data":{"n":1.5}}'],
    ['wrapped for another', wrapped.replace('UA', 'DL'), undefined],
    ['bare', '{"id":"a","data":{"n":1.50}}', '{"id":"a","data":{"n":1.50}}'],
    [
      'bare, with such words in it',
      '{"id":"a","data":{"tenant":"DL","event":"x"}}',
      '{"id":"a","data":{"tenant":"DL","event":"x"}}',
    ],
    ['with a tenant that is not text', '{"tenant":7,"event":{}}', '{"tenant":7,"event":{}}'],
    ['with an event that is none', '{"tenant":"DL","event":"x"}', '{"tenant":"DL","event":"x"}'],
    ['no JSON', '{"tenant":"UA","event":{', '{"tenant":"UA","event":{'],
    ['JSON of another kind', '["tenant","event"]', '["tenant","event"]'],
    ['null', 'null', 'null'],
    ['a text', '"\\"tenant\\" \\"event\\""', '"\\"tenant\\" \\"event\\""'],
  ];
  for (const [name, line, event] of lines) {
    it(`that is ${name}`, () => assert.equal(eventFor('UA', line), event));
  }
});

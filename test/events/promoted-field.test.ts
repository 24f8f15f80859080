import assert from 'node:assert/strict';
import { parseField, writeField } from '../../src/events/promoted-field.js';

describe('the way to a promoted field', () => {
  const ways: [text: string, path: string[]][] = [
    ['delay', ['delay']],
    ['delay.minutes', ['delay', 'minutes']],
    ['"odd.key".x', ['odd.key', 'x']],
    [String.raw`a."say \"hi\" \\o/"`, ['a', String.raw`say "hi" \o/`]],
    ['Größe.0.*', ['Größe', '0', '*']],
    ['"two words"', ['two words']],
  ];
  for (const [text, path] of ways) {
    it(`is ${text}, there and back`, () => {
      assert.deepEqual(parseField(text), path);
      assert.equal(writeField(path), text);
    });
  }

  const refused = [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '"a',
    'a"b"',
    '""',
    '"a"b',
    String.raw`"\n"`,
    'a\nb',
    '\ud800',
  ];
  for (const text of [...refused, 'a.b.c.d.e.f.g.h.i.j.k']) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseField(text), undefined));
  }
});

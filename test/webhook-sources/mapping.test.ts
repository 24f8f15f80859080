import assert from 'node:assert/strict';
import { compileSources } from '../../src/webhook-sources/compile.js';
import { DEFAULT_MAPPINGS } from '../../src/webhook-sources/default-mappings.js';
import { compileMapping, mapEvent, type MappingTexts } from '../../src/webhook-sources/mapping.js';

function map(texts: MappingTexts, body: object = {}, defaults: MappingTexts = {}): object {
  const own = compileMapping(texts);
  assert.deepEqual(own.issues, []);
  return mapEvent(own.mapping, compileMapping(defaults).mapping, { headers: {}, body, query: {} });
}

describe('what events of webhooks are made of', () => {
  it('is made by defaults that compile', () => {
    for (const texts of Object.values(DEFAULT_MAPPINGS)) assert.deepEqual(compileMapping(texts).issues, []);
  });

  it("is the default where the tenant's expression finds nothing", () => {
    const defaults = { id: 'body.a', subject: 'body.b' };
    assert.deepEqual(map({ id: 'body.none.at.all' }, { a: 'A' }, defaults), { id: 'A' });
    assert.deepEqual(map({ id: 'body.nothing' }, { a: 'A', nothing: null }, defaults), { id: 'A' });
    assert.deepEqual(map({ id: 'body.c' }, { a: 'A', c: 'C' }, defaults), { id: 'C' });
    assert.deepEqual(map({ data: 'body.nothing' }, { nothing: null }), { data: null });
  });

  it("is a problem where the tenant's expression fails, and left out where a default does", () => {
    assert.deepEqual(map({ id: 'body.a + 1' }, { a: 'A' }), {
      problem: 'map.id: error: no such overload: string + int',
    });
    assert.deepEqual(map({ time: 'body.a' }, { a: true }), { problem: 'map.time: it must give a time' });
    assert.deepEqual(map({ type: 'body.a' }, { a: 7 }), {
      problem: 'map.type: it must give text, not number',
    });
    assert.deepEqual(map({ subject: 'body.a' }, { a: 1.5 }), {
      problem: 'map.subject: it must give text, not number',
    });
    assert.deepEqual(map({}, { a: ['A'] }, { id: 'body.a', time: 'body.a', type: 'body.a + 1' }), {});
  });

  it('takes as many steps as rules may, and no more', () => {
    const items = Array.from({ length: 9_000 }, (_each, i) => i);
    const nested = 'body.items.all(a, body.items.all(b, a + b >= 0.0)) ? "x" : "y"';
    assert.deepEqual(map({ id: nested }, { items }), { problem: 'map.id: too costly' });
  });

  it('has times of every form', () => {
    const at = (time: string, body: object) => (map({ time }, body) as { time?: string }).time;
    assert.equal(at('body.t', { t: 1_686_089_970 }), '2023-06-06T22:19:30.000Z');
    assert.equal(at('body.t', { t: 1_686_089_970_123 }), '2023-06-06T22:19:30.123Z');
    assert.equal(at('timestamp(body.t)', { t: '2023-06-06T22:19:30Z' }), '2023-06-06T22:19:30Z');
    assert.equal(at('body.t', { t: '2023-06-06' }), '2023-06-06');
  });

  it('does not fail on a body that is an array', () => {
    for (const data of [
      'size(body)',
      'body.map(x, x)',
      'body[0]',
      'body.a',
      'body == {}',
      '"a" in body',
      'body',
    ])
      assert.ok(map({ data }, [1, 2]), data);
  });

  it('says of regular expressions that they are too large together', () => {
    const source = {
      verify: { kind: 'github', secrets: ['secret:a'] },
      toleranceMs: 1,
      maxBytes: 1,
      map: { data: `body.a.matches("${'(a|b){50}'.repeat(40)}")` },
    } as const;
    const many = Array.from({ length: 50 }, (_each, i) => ({ ...source, name: `s${i}` }));
    assert.ok(compileSources(many).issues.length > 0);
  });
});

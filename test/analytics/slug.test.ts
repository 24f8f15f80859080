import assert from 'node:assert/strict';
import { slugOf } from '../../src/analytics/slug.js';

describe('the slug of a name', () => {
  for (const [name, slug] of [
    ['Order Completed', 'order-completed'],
    ['checkout.Started', 'checkout.started'],
    ['  Sign_up / Step 2!  ', 'sign_up-step-2'],
    ['Größe gewählt', 'größe-gewählt'],
    ['注文 完了', '注文-完了'],
    ['हिन्दी', 'हिन्दी'],
    ['\u{1F600}', 'unnamed'],
    ['...', 'unnamed'],
    ['\ud800 half', 'half'],
    ['\u0000\u007f', 'unnamed'],
    ['__proto__', '__proto__'],
  ] as const)
    it(`of ${JSON.stringify(name)} is ${slug}`, () => assert.equal(slugOf(name), slug));

  it('has no more than 100 characters, and is made in no time, however long the name is', () => {
    assert.equal(slugOf('a'.repeat(4_000_000)), 'a'.repeat(100));
    assert.equal(slugOf('- '.repeat(2_000_000)), 'unnamed');
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'undici';
import { startTestApi, type TestApi } from '../support/api.js';

const PAGES = new URL('../../src/console/pages.js', import.meta.url);

/** The pages that the source lists. */
function titles(): { readonly title: string }[] {
  const found = [...readFileSync(PAGES, 'utf8').matchAll(/title: '([^']+)'/g)];
  assert.ok(found.length >= 12);
  return found.map(([, title = '']) => ({ title }));
}

describe('the console as it is served', () => {
  let api: TestApi;

  before(async () => {
    api = await startTestApi();
  });
  after(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  async function load(path: string, headers = {}): Promise<{ status: number; etag: string; text: string }> {
    const { statusCode, headers: answered, body } = await request(`${api.url}${path}`, { headers });
    return { status: statusCode, etag: String(answered.etag), text: await body.text() };
  }

  it('is a page without anything that runs in it, under a policy that lets nothing else in', async () => {
    const { statusCode, headers, body } = await request(`${api.url}/console`);
    assert.equal(statusCode, 200);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.doesNotMatch(await body.text(), /<script>|<style>|style=|https?:/);
  });

  it('is a page of a script, a style and what plots, under names that are of nothing else, for good', async () => {
    const { text: page } = await load('/console');
    const names = [...page.matchAll(/"\/console\/([^"]+)"/g)].map(([, name = '']) => name);
    assert.deepEqual(
      names.map((name) => name.replace(/-[0-9A-Z]{8}/, '-hash')),
      ['console-hash.css', 'console-hash.js', 'uPlot.esm-hash.js'],
    );
    for (const name of names) {
      const { statusCode, headers, body } = await request(`${api.url}/console/${name}`);
      assert.equal(statusCode, 200, name);
      assert.match(String(headers['cache-control']), /^public, max-age=31536000, immutable$/);
      assert.doesNotMatch(await body.text(), /^(import|export) .*from/m);
    }
  });

  it('has every page in its script, and by a plain name what it has by its own', async () => {
    const { text } = await load('/console/console.js');
    for (const { title } of titles()) assert.ok(text.includes(title), title);
    const { text: page } = await load('/console');
    const [, own = ''] = /"(\/console\/console-[0-9A-Z]{8}\.js)"/.exec(page) ?? [];
    assert.equal((await load(own)).text, text);
  });

  it('is not sent again to who has it', async () => {
    const { etag } = await load('/console/console.js');
    assert.match(etag, /^W\/"[\w-]{22}"$/);
    const again = await load('/console/console.js', { 'if-none-match': etag });
    assert.deepEqual([again.status, again.text], [304, '']);
  });

  for (const name of [
    'none.js',
    'index.html',
    'licenses.txt',
    '..%2fpackage.json',
    '__proto__',
    'toString',
  ]) {
    it(`has no file ${name}`, async () => {
      assert.equal((await load(`/console/${name}`)).status, 404);
    });
  }
});

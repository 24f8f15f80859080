import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'undici';
import { startTestApi, type TestApi } from '../support/api.js';

const FOLDER = new URL('../../src/console/', import.meta.url);

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

  it('has every file of its own, and every file that these import', async () => {
    const names = readdirSync(FOLDER).filter((name) => name !== 'index.html');
    const page = readFileSync(new URL('index.html', FOLDER), 'utf8');
    const wanted = new Set(names);
    for (const [, name = ''] of page.matchAll(/"\/console\/([^"]+)"/g)) wanted.add(name);
    const seen = new Set<string>();
    for (const name of wanted) {
      const { status, text } = await load(`/console/${name}`);
      assert.equal(status, 200, name);
      seen.add(name);
      const imported = [...text.matchAll(/(?:from ?|import\()['"]([^'"\s]+)['"]/g)];
      for (const [, path = ''] of imported) {
        assert.match(path, /^\.\/[\w-]+\.js$/, `${name} imports ${path}`);
        wanted.add(path.slice(2));
      }
    }
    for (const name of ['preact.js', 'hooks.js', 'htm.js', 'uplot.js', 'uplot.css'])
      assert.ok(seen.has(name), name);
  });

  it('is not sent again to who has it', async () => {
    const { etag } = await load('/console/start.js');
    assert.match(etag, /^W\/"[\w-]{22}"$/);
    const again = await load('/console/start.js', { 'if-none-match': etag });
    assert.deepEqual([again.status, again.text], [304, '']);
  });

  for (const name of ['none.js', 'index.html', '..%2fpackage.json', '__proto__', 'toString']) {
    it(`has no file ${name}`, async () => {
      assert.equal((await load(`/console/${name}`)).status, 404);
    });
  }
});

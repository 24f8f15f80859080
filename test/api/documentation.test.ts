import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { ROUTES } from '../../src/api/routes.js';
import { startTestApi, type TestApi } from '../support/api.js';
import { chromiumBinary, openPage, startBrowser } from '../support/browser.js';
import { until } from '../support/until.js';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
}

describe('what the API says of itself', function () {
  this.timeout(60_000);
  let api: TestApi;

  before(async () => {
    api = await startTestApi();
  });
  after(async () => {
    await api.close();
    assert.deepEqual(api.faults, []);
  });

  it('is an OpenAPI document with every route, without a token', async () => {
    const { status, body } = await api.get('/openapi.json', null);
    const { openapi, paths } = body as unknown as Document;
    assert.deepEqual([status, openapi], [200, '3.1.0']);
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    assert.deepEqual(ids.sort(), ROUTES.map(({ id }) => id).sort());
  });

  it('is not sent again to who has it, and is compressed for who takes that', async () => {
    const url = `${api.url}/openapi.json`;
    const plain = await request(url);
    const text = await plain.body.text();
    const etag = String(plain.headers.etag);
    assert.match(etag, /^W\/"[\w-]{22}"$/);
    const again = await request(url, { headers: { 'if-none-match': etag } });
    assert.deepEqual([again.statusCode, await again.body.text()], [304, '']);
    const zipped = await request(url, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    const octets = Buffer.from(await zipped.body.arrayBuffer());
    assert.equal(gunzipSync(octets).toString('utf8'), text);
    assert.ok(octets.length < text.length / 4);
  });

  it('has a page whose every part comes from here, under a policy that lets nothing else in', async () => {
    const page = await request(`${api.url}/docs`);
    const html = await page.body.text();
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.doesNotMatch(html, /<script>|<style>|style=|https?:/);
    const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path);
    assert.equal(parts.length, 4);
    for (const path of parts) {
      const part = await request(`${api.url}${path}`);
      assert.equal(part.statusCode, 200, path);
      assert.match(
        String(part.headers['content-type']),
        path.endsWith('.css') ? /^text\/css/ : /^text\/javascript/,
      );
      assert.equal(part.headers['x-content-type-options'], 'nosniff');
      assert.ok((await part.body.text()).length > 0);
    }
  });

  for (const name of ['none.js', 'package.json', '..%2fpackage.json', 'swagger-ui.css.map']) {
    it(`has no file ${name} to load`, async () => {
      assert.equal((await api.get(`/docs/${name}`, null)).status, 404);
    });
  }

  it('is read in a browser: every route is shown, nothing is asked for elsewhere, and nothing is blocked', async function () {
    const binary = chromiumBinary() ?? this.skip();
    await using browser = await startBrowser(binary);
    const { page, complaints, requests } = await openPage(browser);
    await page.goto(`${api.url}/docs`);
    await until(async () => assert.equal(await page.locator('.opblock').count(), ROUTES.length), 30_000);
    await page.locator('.opblock-summary-control').first().click();
    await page.locator('.opblock-body').filter({ hasText: 'events:write' }).waitFor();
    assert.deepEqual(complaints, []);
    const elsewhere = requests.filter((each) => !each.startsWith(`${api.url}/`) && !each.startsWith('data:'));
    assert.deepEqual(elsewhere, []);
  });
});

import assert from 'node:assert/strict';
import { lastErrorOf, secretsOf } from '../../../src/activities/push/last-error.js';

const error = 'HTTP 500 Internal Server Error';
const said = (body: string, secrets: readonly string[] = []) => lastErrorOf({ error, body }, secrets);

describe('the last error of an endpoint', () => {
  it('is what came, with the beginning of what it said, in one line', () => {
    assert.equal(
      said('boom: CRM database is down\r\n  at db.ts:7\u001b[31m\u202e'),
      `${error}: boom: CRM database is down at db.ts:7 [31m`,
    );
    assert.equal(said(''), error);
    assert.equal(lastErrorOf({ error: 'connection refused', body: '' }, []), 'connection refused');
    const html = '<html><style>p { color: red }</style><body><h1>Bad\n gateway</h1></body></html>';
    assert.equal(said(html), `${error}: Bad gateway`);
    assert.equal(said('é'.repeat(10_000)), `${error}: ${'é'.repeat(199)}…`);
  });

  it('never shows what was sent in secret, however the endpoint repeats it', () => {
    const headers = { authorization: 'Bearer topsecret', 'x-key': 'k3y/+value', 'x-short': 'a' };
    const secrets = secretsOf(headers, 'https://crm.example/hooks?token=t%2Foken9&a=1');
    const body = JSON.stringify({ headers, path: '/hooks?token=t%2Foken9', decoded: 't/oken9' });
    const text = said(`topsecret ${body}`, secrets);
    for (const secret of ['topsecret', 'k3y', 't%2Foken9', 't/oken9'])
      assert.ok(!text.includes(secret), text);
    assert.ok(text.includes('"x-short":"a"'));
    assert.equal(said(`${' '.repeat(190)}topsecret`, secrets), `${error}: […]`);
  });

  it('shows no key or token, no matter whose it is', () => {
    const token = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln';
    assert.equal(said(`whsec_AAAA+/= Basic dTpw bearer abc.def ${token}`), `${error}: […] […] […] […]`);
  });

  it('looks at the beginning of an answer alone, and shows no half of a key that ends there', () => {
    assert.equal(
      said(`${'<i></i>'.repeat(284)} down eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln`),
      `${error}: down`,
    );
    assert.equal(said(`${'<i></i>'.repeat(2_000)} down`), error);
  });
});

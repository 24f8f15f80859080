import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { verifyWebhook } from '../../packages/client/src/webhook.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const BODY = '{"specversion":"1.0","id":"é ☃"}';

const now = (): number => Math.floor(Date.now() / 1000);

function signed(seconds = now(), secret = SECRET, body = BODY): Record<string, string> {
  return {
    'webhook-id': 'm1',
    'webhook-timestamp': String(seconds),
    'webhook-signature': new Webhook(secret).sign('m1', new Date(seconds * 1000), body),
  };
}

describe('verifyWebhook', () => {
  it('returns what was signed, whatever form body and headers have', () => {
    const event = JSON.parse(BODY) as unknown;
    assert.deepEqual(verifyWebhook(signed(), BODY, SECRET), event);
    assert.deepEqual(verifyWebhook(new Headers(signed()), Buffer.from(BODY), [SECRET]), event);
    const upper = Object.fromEntries(
      Object.entries(signed()).map(([key, value]) => [key.toUpperCase(), value]),
    );
    assert.deepEqual(verifyWebhook(upper, BODY, SECRET), event);
  });

  it('takes either secret while one is replaced by another', () => {
    const next = `whsec_${randomBytes(32).toString('base64')}`;
    assert.ok(verifyWebhook(signed(), BODY, [next, SECRET]));
    const both = signed();
    both['webhook-signature'] += ` ${signed(now(), next)['webhook-signature']}`;
    assert.ok(verifyWebhook(both, BODY, next));
  });

  it("takes an ed25519 signature, and no other key's", () => {
    const keys = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')] as const;
    const [own, other] = keys.map(({ publicKey }) => {
      const { x = '' } = publicKey.export({ format: 'jwk' });
      return `whpk_${Buffer.from(x, 'base64url').toString('base64')}`;
    }) as [string, string];
    const headers = signed();
    const content = `m1.${headers['webhook-timestamp']}.${BODY}`;
    const signature = sign(null, Buffer.from(content), keys[0].privateKey).toString('base64');
    headers['webhook-signature'] = `v1,AAAA v1a,${signature}`;
    assert.ok(verifyWebhook(headers, BODY, [other, own]));
    assert.throws(() => verifyWebhook(headers, BODY, other), { code: 'SIGNATURE_INVALID' });
    assert.throws(() => verifyWebhook(headers, `${BODY} `, own), { code: 'SIGNATURE_INVALID' });
  });

  it('holds to the tolerance it is given', () => {
    assert.ok(verifyWebhook(signed(now() - 280), BODY, SECRET));
    assert.ok(verifyWebhook(signed(now() - 3_000), BODY, SECRET, { toleranceSeconds: 3_600 }));
    const strict = { toleranceSeconds: 10 };
    assert.throws(() => verifyWebhook(signed(now() - 60), BODY, SECRET, strict), {
      code: 'SIGNATURE_INVALID',
    });
  });

  it('takes bytes, however they lie in memory', () => {
    const bytes = new TextEncoder().encode(`__${BODY}__`).subarray(2, -2);
    assert.deepEqual(verifyWebhook(signed(), bytes, SECRET), JSON.parse(BODY));
  });

  it('takes header values in arrays: several signatures, but one id and one time', () => {
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = signed();
    const arrays = { 'webhook-id': [id!], 'webhook-timestamp': [at!], 'webhook-signature': [signature!] };
    assert.ok(verifyWebhook(arrays, BODY, SECRET));
    assert.ok(verifyWebhook({ ...arrays, 'webhook-signature': ['v1,AAAA', signature!] }, BODY, SECRET));
    for (const name of ['webhook-id', 'webhook-timestamp'] as const) {
      const twice = { ...arrays, [name]: [...arrays[name], ...arrays[name]] };
      assert.throws(() => verifyWebhook(twice, BODY, SECRET), { code: 'SIGNATURE_INVALID' });
    }
    assert.throws(() => verifyWebhook({ ...arrays, 'webhook-id': [] }, BODY, SECRET), {
      code: 'SIGNATURE_INVALID',
      message: /missing/,
    });
  });

  for (const secret of ['', 'whsec_', 'whsec_not base64!', 'whsec_AAAA', 'whpk_AAAA', 'whpk_$$$$'])
    it(`says that ${JSON.stringify(secret)} is no secret, and does not repeat it`, () => {
      assert.throws(
        () => verifyWebhook(signed(), BODY, [SECRET, secret]),
        (error: Error) => {
          assert.equal((error as { code?: string }).code, 'SECRET_INVALID');
          return secret.length < 8 || !error.message.includes(secret.slice(6));
        },
      );
    });

  it('says that what was signed is not JSON', () => {
    const text = 'hello';
    assert.throws(() => verifyWebhook(signed(now(), SECRET, text), text, SECRET), { code: 'BODY_MALFORMED' });
  });

  // Made when they are needed: what is signed now is old by the time that the last of all tests runs.
  const wrong: readonly [string, () => Record<string, string>, string][] = [
    ['another body', () => signed(), `${BODY} `],
    ['another secret', () => signed(now(), `whsec_${randomBytes(32).toString('base64')}`), BODY],
    ['another id', () => ({ ...signed(), 'webhook-id': 'm2' }), BODY],
    ['another time', () => ({ ...signed(), 'webhook-timestamp': String(now() - 1) }), BODY],
    ['an old time', () => signed(now() - 400), BODY],
    ['a time to come', () => signed(now() + 400), BODY],
    ['no time', () => ({ ...signed(), 'webhook-timestamp': 'soon' }), BODY],
    ['a time that is not whole', () => ({ ...signed(), 'webhook-timestamp': `${now()}.5` }), BODY],
    ['no signature', () => ({ ...signed(), 'webhook-signature': '' }), BODY],
    ['a signature of no known kind', () => ({ ...signed(), 'webhook-signature': 'v9,AAAA' }), BODY],
  ];
  for (const [what, headers, body] of wrong)
    it(`refuses ${what}`, () =>
      assert.throws(() => verifyWebhook(headers(), body, SECRET), { code: 'SIGNATURE_INVALID' }));
});

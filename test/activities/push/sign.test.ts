import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { createSigner, webhookIdOf, type WebhookHeaders } from '../../../src/activities/push/sign.js';
import { HeadgateError } from '../../../src/errors.js';

const BODY = '{"specversion":"1.0","id":"a-1","type":"flight.arrived","data":{"city":"Zürich","minutes":61}}';

function hmacSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** What the package sees of the headers. */
function seen(headers: WebhookHeaders): Record<string, string> {
  return { ...headers } as Record<string, string>;
}

/** The specification alone: `v1` is HMAC-SHA256 over `<id>.<timestamp>.<body>` with the decoded secret. */
function hmacOf(secret: string, headers: WebhookHeaders, body: string): string {
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

describe('signatures of webhooks', () => {
  it('are accepted by the standardwebhooks package, and are what the specification says', () => {
    const secret = hmacSecret();
    const headers = createSigner([secret])('a-1', Date.now(), BODY);
    assert.deepEqual(new Webhook(secret).verify(BODY, seen(headers)), JSON.parse(BODY));
    assert.equal(headers['webhook-signature'], hmacOf(secret, headers, BODY));
  });

  it('give the value of the example that the specification was published with', () => {
    const sign = createSigner(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']);
    const { 'webhook-signature': signature } = sign(
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330_000,
      '{"test": 2432232314}',
    );
    assert.equal(signature, 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('have the time of the attempt in whole seconds', () => {
    const headers = createSigner([hmacSecret()])('a-1', 1_700_000_000_999, BODY);
    assert.equal(headers['webhook-timestamp'], '1700000000');
  });

  describe('are refused', () => {
    const secret = hmacSecret();
    const sign = createSigner([secret]);
    const now = Date.now();
    const cases: Record<string, [WebhookHeaders, string?, string?]> = {
      'for a body that was tampered with': [sign('a-1', now, BODY), BODY.replace('61', '6')],
      'with a wrong secret': [sign('a-1', now, BODY), BODY, hmacSecret()],
      'with an old timestamp': [sign('a-1', now - 6 * 60_000, BODY)],
      'with a timestamp that was changed': [
        { ...sign('a-1', now - 6 * 60_000, BODY), 'webhook-timestamp': String(Math.floor(now / 1000)) },
      ],
      'with another id': [{ ...sign('a-1', now, BODY), 'webhook-id': 'a-2' }],
    };
    for (const [what, [headers, body = BODY, by = secret]] of Object.entries(cases))
      it(what, () => assert.throws(() => new Webhook(by).verify(body, seen(headers))));
  });

  it('by an old and a new secret are there side by side, and either verifies', () => {
    const [before, after] = [hmacSecret(), hmacSecret()];
    const headers = createSigner([before, after])('a-1', Date.now(), BODY);
    for (const secret of [before, after]) assert.ok(new Webhook(secret).verify(BODY, seen(headers)));
    assert.throws(() => new Webhook(hmacSecret()).verify(BODY, seen(headers)));
  });

  it('by ed25519 verify with the public key, from a seed and from a whole secret key', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
    const [seed, open] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
    for (const raw of [seed, Buffer.concat([seed, open])]) {
      const headers = createSigner([`whsk_${raw.toString('base64')}`])('a-1', 1_700_000_000_000, BODY);
      const [version, signature = ''] = headers['webhook-signature']!.split(',');
      assert.equal(version, 'v1a');
      const verifies = (body: string): boolean =>
        verify(
          null,
          Buffer.from(`a-1.1700000000.${body}`),
          createPublicKey(publicKey.export({ format: 'pem', type: 'spki' })),
          Buffer.from(signature, 'base64'),
        );
      assert.ok(verifies(BODY));
      assert.ok(!verifies(`${BODY} `));
    }
  });

  it('of both kinds stand in one header, and the package finds its own', () => {
    const secret = hmacSecret();
    const headers = createSigner([`whsk_${randomBytes(32).toString('base64')}`, secret])(
      'a-1',
      Date.now(),
      BODY,
    );
    assert.match(headers['webhook-signature']!, /^v1a,\S+ v1,\S+$/);
    assert.ok(new Webhook(secret).verify(BODY, seen(headers)));
  });

  it('are left out where there is no secret', () => {
    assert.deepEqual(createSigner([])('a-1', 1_000, BODY), { 'webhook-id': 'a-1', 'webhook-timestamp': '1' });
  });

  it('need a secret that is one, and do not tell it', () => {
    const bad = ['whsk_c2hvcnQ=', `whsec_${'!'.repeat(32)}`, 'whpk_AAAA', 'plain-secret-text'];
    for (const secret of bad) {
      assert.throws(
        () => createSigner([secret]),
        (error) =>
          error instanceof HeadgateError &&
          error.code === 'SECRET_INVALID' &&
          error.retryable &&
          !error.message.includes(secret.slice(6)) &&
          error.cause === undefined,
      );
    }
  });
});

describe('webhook ids', () => {
  const partition = { tenant: 'UA', stream: 'events' } as const;
  const one = { source: '/shop/berlin', id: '1' };

  it('are the same whenever they are of the same event', () => {
    assert.equal(webhookIdOf(partition, 'event', [one]), webhookIdOf(partition, 'event', [{ ...one }]));
  });

  it('tell source, stream and tenant apart, and where one ends', () => {
    const ids = [
      webhookIdOf(partition, 'event', [one]),
      webhookIdOf(partition, 'event', [{ ...one, source: '/shop/paris' }]),
      webhookIdOf(partition, 'event', [{ source: '/shop/berlin/', id: '1' }]),
      webhookIdOf(partition, 'event', [{ source: '/shop', id: 'berlin/1' }]),
      webhookIdOf({ ...partition, stream: 'user-properties' }, 'event', [one]),
      webhookIdOf({ ...partition, stream: 'decisions' }, 'event', [one]),
      webhookIdOf({ ...partition, tenant: 'DL' }, 'event', [one]),
      webhookIdOf(partition, 'batch', [one]),
    ];
    assert.equal(new Set(ids).size, ids.length);
  });

  it('have nothing that could end them, and are as long whatever the event is called', () => {
    for (const id of ['a.1700000000.{}', 'a b\r\nx: ü%', 'half \ud800', 'x'.repeat(512)])
      assert.match(webhookIdOf(partition, 'event', [{ ...one, id }]), /^event_[0-9a-f]{40}$/);
  });

  it('of batches are of their events and their order alone', () => {
    const of = (...ids: string[]) =>
      webhookIdOf(
        partition,
        'batch',
        ids.map((id) => ({ ...one, id })),
      );
    assert.equal(of('a', 'b'), of('a', 'b'));
    const others = [of('b', 'a'), of('a'), of('a,b'), of('a', 'b', 'c'), of('a"', '"b')];
    assert.equal(new Set([...others, of('a', 'b')]).size, 6);
    assert.match(of('a'), /^batch_[0-9a-f]{40}$/);
  });
});

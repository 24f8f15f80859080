import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { sign as signAsGithub } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import { makeSigningSecret, verifyingKeyOf } from '../../src/tenants/signing-secret.js';
import { createSigner } from '../../src/activities/push/sign.js';
import type { HmacVerification, Verification } from '../../src/webhook-sources/verification.js';
import { verifyRequest } from '../../src/webhook-sources/verify.js';

const TOLERANCE_MS = 300_000;
const NOT_SIGNED = 'What the request is signed with is not a secret of this source.';
const TOO_FAR = 'The request is signed for a time that is too far from now.';

/** A request as somebody has published it with its signature, or a library has made it. */
interface Vector {
  readonly by: string;
  readonly verify: Verification;
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Seconds since 1970, where a time is signed. */
  readonly sentAt?: number;
}

const SLACK_COMMAND =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';

const HMAC: HmacVerification = {
  kind: 'hmac',
  header: 'X-Signature',
  algorithm: 'sha256',
  encoding: 'hex',
  prefix: '',
  signed: '{body}',
};

const VECTORS: readonly Vector[] = [
  {
    by: "GitHub's documentation",
    verify: { kind: 'github' },
    secret: "It's a Secret to Everybody",
    headers: {
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    },
    body: 'Hello, World!',
  },
  {
    by: "Slack's documentation",
    verify: { kind: 'slack' },
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    headers: {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    },
    body: SLACK_COMMAND,
    sentAt: 1_531_420_618,
  },
  {
    by: 'the specification of Standard Webhooks',
    verify: { kind: 'standard-webhooks' },
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
    sentAt: 1_614_265_330,
  },
  {
    by: 'generateTestHeaderString of stripe 23.1.0',
    verify: { kind: 'stripe' },
    secret: 'whsec_test_secret',
    headers: {
      'stripe-signature': 't=1686089975,v1=9d14d9c0bfe22535152af3c6535074e000485ffb06c151b740e9843874d3ba38',
    },
    body: '{"id":"evt_1NG8Du2eZvKYlo2CUI79vXWy","object":"event","created":1686089970,"type":"setup_intent.created","data":{"object":{"id":"seti_1"}}}',
    sentAt: 1_686_089_975,
  },
  {
    by: 'openssl, in the form of Shopify',
    verify: { kind: 'shopify' },
    secret: 'hush',
    headers: { 'x-shopify-hmac-sha256': 'Hwn8rY8gom1qmkPvZ/b1L2Lb72fZpVB4D1y2H0phCj4=' },
    body: 'Hello, Shopify',
  },
  {
    by: 'openssl, with SHA-512 and a time',
    verify: {
      ...HMAC,
      algorithm: 'sha512',
      prefix: 'v1=',
      timestampHeader: 'X-Time',
      signed: '{timestamp}.{body}',
    },
    secret: 'hush',
    headers: {
      'x-time': '1614265330',
      'x-signature':
        'v1=e409ec9e7ba8ed4fe81e602048a6a685694553c5c7cd847b5428e3c6eb42d9cea34abd3f31e7e42ae3ad014d989a93c19323b82b0a8ba5defd90072f12f23bf8',
    },
    body: 'Hello',
    sentAt: 1_614_265_330,
  },
  {
    by: 'openssl, with SHA-1',
    verify: { ...HMAC, algorithm: 'sha1' },
    secret: 'hush',
    headers: { 'x-signature': '3bf3c8c77433e5786a15ab1fccfe2a503597a99a' },
    body: 'Hello',
  },
  {
    by: 'RFC 7617',
    verify: { kind: 'basic', user: 'Aladdin' },
    secret: 'open sesame',
    headers: { authorization: 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==' },
    body: 'Hello',
  },
];

/** Why it is refused; undefined where it is taken. */
function problemOf(
  { verify, secret, headers, body, sentAt = 0 }: Vector,
  { secrets = [secret], now = sentAt * 1000, toleranceMs = TOLERANCE_MS } = {},
): string | undefined {
  const request = { headers, body: Buffer.from(body) };
  const verified = verifyRequest(verify, request, { secrets, toleranceMs, now });
  return 'problem' in verified ? verified.problem : undefined;
}

describe('webhooks of others', () => {
  for (const vector of VECTORS) {
    const { by, headers, body, secret, sentAt, verify } = vector;
    // Standard Webhooks has secrets of one form alone.
    const other = verify.kind === 'standard-webhooks' ? 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' : 'other';

    describe(`signed by ${by}`, () => {
      it('are taken', () => assert.equal(problemOf(vector), undefined));

      it('are refused with another secret, and taken while it is one of several', () => {
        assert.equal(problemOf(vector, { secrets: [other] }), NOT_SIGNED);
        assert.equal(problemOf(vector, { secrets: [] }), NOT_SIGNED);
        assert.equal(problemOf(vector, { secrets: [other, secret] }), undefined);
        assert.equal(problemOf(vector, { secrets: [secret, other] }), undefined);
      });

      if (verify.kind !== 'basic')
        it('are refused with one more octet, with one less, and with none', () => {
          for (const tampered of [`${body} `, body.slice(0, -1), ''])
            assert.equal(problemOf({ ...vector, body: tampered }), NOT_SIGNED);
        });

      for (const name of Object.keys(headers))
        it(`are refused without ${name}, and with something else in it`, () => {
          const { [name]: value = '', ...others } = headers;
          assert.ok(problemOf({ ...vector, headers: others }));
          for (const bad of ['', 'nonsense', value.slice(0, -4), `${value}0`, `${value},${value}`])
            assert.ok(problemOf({ ...vector, headers: { ...others, [name]: bad } }), bad);
        });

      if (sentAt !== undefined)
        it('are refused when they are old, or of the future', () => {
          const at = (seconds: number): string | undefined =>
            problemOf(vector, { now: (sentAt + seconds) * 1000 });
          assert.deepEqual([at(300), at(301), at(-300), at(-301)], [undefined, TOO_FAR, undefined, TOO_FAR]);
          // Nobody learns from the time whether a forged signature was near.
          assert.equal(problemOf({ ...vector, body: 'forged' }, { now: 0 }), NOT_SIGNED);
        });
    });
  }

  it('of GitHub are those that its library signs', async () => {
    const body = '{"zen":"Keep it logically awesome. ✓"}';
    const headers = { 'x-hub-signature-256': await signAsGithub('secret', body) };
    const vector = { by: '', verify: { kind: 'github' }, secret: 'secret', headers, body } as const;
    assert.equal(problemOf(vector), undefined);
  });

  it('of Standard Webhooks are those that its library signs, and those that Headgate does', () => {
    const now = 1_700_000_000;
    const body = '{"type":"invoice.paid"}';
    const shared = makeSigningSecret('hmac');
    const headers = (signature: string) => ({
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(now),
      'webhook-signature': signature,
    });
    const signature = new Webhook(shared).sign('msg_1', new Date(now * 1000), body);
    const base = { by: '', verify: { kind: 'standard-webhooks' }, body, sentAt: now } as const;
    const byLibrary = { ...base, headers: headers(signature) };
    assert.equal(problemOf({ ...byLibrary, secret: shared }), undefined);
    assert.equal(problemOf({ ...byLibrary, secret: shared.slice('whsec_'.length) }), undefined);

    const pair = makeSigningSecret('ed25519');
    const ours = createSigner([shared, pair])('msg_1', now * 1000, body);
    const byHeadgate = { ...base, headers: { ...ours } };
    for (const secret of [shared, pair, verifyingKeyOf(pair)!])
      assert.equal(problemOf({ ...byHeadgate, secret }), undefined);
    const foreign = verifyingKeyOf(makeSigningSecret('ed25519'))!;
    assert.equal(problemOf({ ...byHeadgate, secret: foreign }), NOT_SIGNED);
    assert.throws(() => problemOf({ ...byHeadgate, secret: 'whpk_AAAA' }), { code: 'SECRET_INVALID' });
  });

  it('of Stripe may be signed by an old secret beside the new one', () => {
    const vector = VECTORS.find(({ verify }) => verify.kind === 'stripe')!;
    const [time, right] = vector.headers['stripe-signature']!.split(',');
    const wrong = `v1=${'0'.repeat(64)}`;
    const signed = (header: string) => problemOf({ ...vector, headers: { 'stripe-signature': header } });
    assert.equal(signed(`${time},${wrong},${right},v0=1`), undefined);
    assert.equal(signed(`${time},${right!.replace('v1', 'v0')}`), NOT_SIGNED);
    assert.match(signed(`${time},t=1,${right}`) ?? '', /one time/);
    // A signature that stands behind many others is not looked for.
    assert.equal(signed(`${time},${Array(50).fill(wrong).join(',')},${right}`), NOT_SIGNED);
  });

  it('may have their time in milliseconds', () => {
    const now = 1_700_000_000_123;
    const verify = { ...HMAC, timestampHeader: 'x-time', signed: '{timestamp}{body}' };
    const signature = createHmac('sha256', 'hush').update(`${now}Hello`).digest('hex');
    const headers = { 'x-time': String(now), 'x-signature': signature };
    const vector = { by: '', verify, secret: 'hush', headers, body: 'Hello' };
    assert.equal(problemOf(vector, { now: now + 299_000 }), undefined);
    assert.equal(problemOf(vector, { now: now + 301_000 }), TOO_FAR);
  });
});

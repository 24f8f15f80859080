import assert from 'node:assert/strict';
import { createHmac, createPublicKey } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import FakeTimers from '@sinonjs/fake-timers';
import {
  SignJWT,
  createLocalJWKSet,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type CryptoKey,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose';
import { createAuthenticator, type Authenticator } from '../../src/api/authenticate.js';
import type { ErrorCode, HeadgateError } from '../../src/errors.js';
import { createRemoteKeys } from '../../src/keys/remote-keys.js';
import { ISSUED } from '../support/api.js';

interface Signer {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

const CLAIMS = { tenant: 'UA', scope: 'events:write admin' };

async function signer(alg: string): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid: alg, use: 'sig' } };
}

function sign({ alg, privateKey }: Signer, claims: object = {}, header: object = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all = { iss: ISSUED.issuer, aud: ISSUED.audience, exp: now + 600, ...CLAIMS, ...claims };
  return new SignJWT(all).setProtectedHeader({ alg, kid: alg, ...header }).sign(privateKey);
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

describe('a token', () => {
  let signers: Record<'EdDSA' | 'ES256' | 'RS256' | 'PS256' | 'ES384', Signer>;
  let stranger: Signer;
  let authenticate: Authenticator;
  const statuses = new Map<string, 'active' | 'suspended'>();

  before(async () => {
    const made = await Promise.all(['EdDSA', 'ES256', 'RS256', 'PS256', 'ES384'].map(signer));
    signers = Object.fromEntries(made.map((each) => [each.alg, each])) as typeof signers;
    stranger = await signer('EdDSA');
  });
  beforeEach(() => {
    statuses.clear();
    statuses.set('UA', 'active').set('sus', 'suspended');
    authenticate = createAuthenticator({
      keys: createLocalJWKSet({ keys: Object.values(signers).map(({ jwk }) => jwk) }),
      ...ISSUED,
      tenantStatusOf: (tenant) => statuses.get(tenant) ?? 'unknown',
    });
  });

  async function refused(header: string | undefined, code: ErrorCode, message?: RegExp): Promise<void> {
    await assert.rejects(authenticate(header), (error: HeadgateError) => {
      assert.equal(error.code, code, error.message);
      if (message !== undefined) assert.match(error.message, message);
      return true;
    });
  }

  for (const alg of ['EdDSA', 'ES256', 'RS256'] as const) {
    it(`signed with ${alg} says who calls, and what they may do`, async () => {
      const caller = await authenticate(`Bearer ${await sign(signers[alg])}`);
      assert.equal(caller.tenant, 'UA');
      assert.deepEqual([...caller.scopes], ['events:write', 'admin']);
    });
  }
  for (const alg of ['PS256', 'ES384'] as const) {
    it(`signed with ${alg} is refused, though the key is in the set`, async () => {
      await refused(`Bearer ${await sign(signers[alg])}`, 'TOKEN_INVALID', /EdDSA, ES256 or RS256/);
    });
  }

  it('is asked for where there is none', async () => {
    const token = await sign(signers.EdDSA);
    for (const header of [undefined, '', 'Bearer', 'Bearer ', token, `Basic ${token}`, `Bearer ${token} x`]) {
      await refused(header, 'TOKEN_MISSING');
    }
  });

  it('signed by nobody ("none") is refused', async () => {
    const claims = { ...CLAIMS, iss: 'headgate', aud: 'headgate', exp: 9_999_999_999 };
    for (const alg of ['none', 'None', 'NONE']) {
      await refused(`Bearer ${part({ alg })}.${part(claims)}.`, 'TOKEN_INVALID');
    }
    const [, payload] = (await sign(signers.EdDSA)).split('.');
    await refused(`Bearer ${part({ alg: 'none' })}.${payload}.`, 'TOKEN_INVALID');
  });

  it('signed by HMAC with the public key as its secret is refused', async () => {
    const claims = { ...CLAIMS, iss: 'headgate', aud: 'headgate', exp: 9_999_999_999 };
    const { jwk } = signers.RS256;
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const secrets = [
      pem,
      JSON.stringify(jwk),
      jwk.n ?? '',
      await exportSPKI(publicKey as unknown as CryptoKey).catch(() => pem),
    ];
    for (const secret of secrets) {
      for (const kid of ['RS256', undefined]) {
        const signed = `${part({ alg: 'HS256', kid })}.${part(claims)}`;
        const mac = createHmac('sha256', secret).update(signed).digest('base64url');
        await refused(`Bearer ${signed}.${mac}`, 'TOKEN_INVALID', /EdDSA, ES256 or RS256/);
      }
    }
  });

  it('signed with another key is refused, whatever key it names', async () => {
    for (const header of [
      {},
      { kid: undefined },
      { kid: 'other' },
      { jwk: stranger.jwk },
      { jku: 'https://x.example/' },
    ]) {
      await refused(`Bearer ${await sign(stranger, {}, header)}`, 'TOKEN_INVALID');
    }
  });

  it('changed after it was signed is refused', async () => {
    const [header, , signature] = (await sign(signers.EdDSA)).split('.');
    const claims = { ...CLAIMS, tenant: 'DL', iss: 'headgate', aud: 'headgate', exp: 9_999_999_999 };
    await refused(`Bearer ${header}.${part(claims)}.${signature}`, 'TOKEN_INVALID');
  });

  for (const garbage of ['x', 'a.b.c', '..', 'é.é.é', '0'.repeat(8_000)]) {
    it(`that is garbage (${garbage.slice(0, 8)}) is refused`, () =>
      refused(`Bearer ${garbage}`, 'TOKEN_INVALID'));
  }

  it('has one form: padding, other last bits and other alphabets are refused', async () => {
    const token = await sign(signers.EdDSA);
    await authenticate(`Bearer ${token}`);
    const next = String.fromCharCode(token.charCodeAt(token.length - 1) + 1);
    for (const other of [`${token}==`, `${token.slice(0, -1)}${next}`, token.replace('.', '=.')])
      await refused(`Bearer ${other}`, 'TOKEN_INVALID');
  });

  it('of a key that is broken in the set is refused, and those of its other keys are taken', async () => {
    const { jwk } = signers.ES256;
    for (const broken of [
      { ...jwk, x: 'AAAA' },
      { ...jwk, y: jwk.x },
      { ...jwk, x: undefined },
    ]) {
      authenticate = createAuthenticator({
        keys: createLocalJWKSet({ keys: [broken, signers.EdDSA.jwk] }),
        ...ISSUED,
        tenantStatusOf: () => 'active',
      });
      await refused(`Bearer ${await sign(signers.ES256)}`, 'TOKEN_INVALID', /key of this token is broken/);
      assert.equal((await authenticate(`Bearer ${await sign(signers.EdDSA)}`)).tenant, 'UA');
    }
  });

  const now = Math.floor(Date.now() / 1000);
  const badClaims: [claims: object, code: ErrorCode][] = [
    [{ exp: now - 60 }, 'TOKEN_EXPIRED'],
    [{ exp: undefined }, 'TOKEN_INVALID'],
    [{ exp: '9999999999' }, 'TOKEN_INVALID'],
    [{ nbf: now + 600 }, 'TOKEN_INVALID'],
    [{ iss: 'other' }, 'TOKEN_INVALID'],
    [{ iss: undefined }, 'TOKEN_INVALID'],
    [{ aud: 'other' }, 'TOKEN_INVALID'],
    [{ aud: undefined }, 'TOKEN_INVALID'],
    [{ tenant: undefined }, 'TOKEN_INVALID'],
    [{ tenant: 7 }, 'TOKEN_INVALID'],
    [{ tenant: '' }, 'TOKEN_INVALID'],
    [{ tenant: '../UA' }, 'TOKEN_INVALID'],
    [{ tenant: ['UA'] }, 'TOKEN_INVALID'],
    [{ tenant: 'nobody' }, 'TENANT_UNKNOWN'],
    [{ tenant: '__proto__' }, 'TOKEN_INVALID'],
    [{ tenant: 'constructor' }, 'TENANT_UNKNOWN'],
    [{ tenant: 'sus' }, 'TENANT_SUSPENDED'],
  ];
  for (const [claims, code] of badClaims) {
    it(`with the claim ${JSON.stringify(claims)} is refused: ${code}`, async () => {
      await refused(`Bearer ${await sign(signers.EdDSA, claims)}`, code);
    });
  }

  it('may have several audiences, no scope, and a scope that is no text grants nothing', async () => {
    const caller = await authenticate(
      `Bearer ${await sign(signers.EdDSA, { aud: ['other', 'headgate'], scope: undefined })}`,
    );
    assert.deepEqual([...caller.scopes], []);
    const odd = await authenticate(`Bearer ${await sign(signers.EdDSA, { scope: ['admin'] })}`);
    assert.deepEqual([...odd.scopes], []);
  });

  it('stops working when it expires and when its tenant is suspended or gone, cached or not', async () => {
    const token = `Bearer ${await sign(signers.EdDSA, { exp: Math.floor(Date.now() / 1000) - 3 })}`;
    // Until the leeway for clocks is over, two seconds from now.
    await authenticate(token);
    statuses.set('UA', 'suspended');
    await refused(token, 'TENANT_SUSPENDED');
    statuses.delete('UA');
    await refused(token, 'TENANT_UNKNOWN');
    statuses.set('UA', 'active');
    await authenticate(token);
    await new Promise((later) => setTimeout(later, 2_100));
    await refused(token, 'TOKEN_EXPIRED');
  });

  it('is taken within five seconds of its times: clocks differ; and told what is wrong with them', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    for (const claims of [{ nbf: seconds + 3 }, { exp: seconds - 2 }])
      await authenticate(`Bearer ${await sign(signers.EdDSA, claims)}`);
    await refused(
      `Bearer ${await sign(signers.EdDSA, { nbf: seconds + 60 })}`,
      'TOKEN_INVALID',
      /not valid yet/,
    );
    await refused(
      `Bearer ${await sign(signers.EdDSA, { exp: seconds - 60 })}`,
      'TOKEN_EXPIRED',
      /has expired/,
    );
  });

  it('has the type that is asked for, and is valid for no longer than is allowed', async () => {
    const keys = createLocalJWKSet({ keys: [signers.EdDSA.jwk] });
    const strict = { keys, ...ISSUED, tenantStatusOf: () => 'active' as const };
    authenticate = createAuthenticator({ ...strict, tokenType: 'at+jwt' });
    await authenticate(`Bearer ${await sign(signers.EdDSA, {}, { typ: 'at+jwt' })}`);
    for (const typ of [undefined, 'JWT', 'logout+jwt'])
      await refused(`Bearer ${await sign(signers.EdDSA, {}, { typ })}`, 'TOKEN_INVALID');
    authenticate = createAuthenticator({ ...strict, maxLifetimeMs: 3_600_000 });
    const iat = Math.floor(Date.now() / 1000);
    await authenticate(`Bearer ${await sign(signers.EdDSA, { iat, exp: iat + 3_600 })}`);
    for (const claims of [{ iat, exp: iat + 3_601 }, { iat: 0 }, { iat: iat + 60, exp: iat + 120 }, {}])
      await refused(`Bearer ${await sign(signers.EdDSA, claims)}`, 'TOKEN_INVALID');
  });

  it('that is cached is verified again once the keys have changed', async () => {
    let changes = 0;
    let keys = createLocalJWKSet({ keys: [signers.EdDSA.jwk] });
    const following: JWTVerifyGetKey = (header, token) => keys(header, token);
    authenticate = createAuthenticator({
      keys: Object.assign(following, { changes: () => changes }),
      ...ISSUED,
      tenantStatusOf: () => 'active',
    });
    const token = `Bearer ${await sign(signers.EdDSA)}`;
    await authenticate(token);
    keys = createLocalJWKSet({ keys: [signers.ES256.jwk] });
    await authenticate(token);
    changes++;
    await refused(token, 'TOKEN_INVALID');
  });

  describe('whose keys are fetched', () => {
    let server: Server;
    let answer: { status: number; body: string };
    let remote: Authenticator;
    let keys: JWTVerifyGetKey;
    const clock = { now: 0 };

    beforeEach(async () => {
      answer = { status: 200, body: JSON.stringify({ keys: [signers.ES256.jwk] }) };
      server = createServer((_, response) => response.writeHead(answer.status).end(answer.body));
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      clock.now = 0;
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      keys = createRemoteKeys(url, () => clock.now);
      remote = createAuthenticator({ keys, ...ISSUED, tenantStatusOf: () => 'active' });
    });
    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    it('is verified with them', async () => {
      assert.equal((await remote(`Bearer ${await sign(signers.ES256)}`)).tenant, 'UA');
      await assert.rejects(remote(`Bearer ${await sign(stranger)}`), { code: 'TOKEN_INVALID' });
    });

    it('is not called bad when they cannot be fetched: the caller is asked to come back', async () => {
      const token = `Bearer ${await sign(signers.ES256)}`;
      for (const broken of [
        { status: 500, body: 'oops' },
        { status: 200, body: '<html>' },
        { status: 200, body: '{}' },
      ]) {
        answer = broken;
        await assert.rejects(
          remote(token),
          { code: 'ENGINE_UNAVAILABLE', retryable: true },
          JSON.stringify(broken),
        );
      }
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await assert.rejects(remote(token), { code: 'ENGINE_UNAVAILABLE', retryable: true });
    });

    it('stops working within a minute of its key being withdrawn, however often it comes', async () => {
      const time = FakeTimers.install({ now: Date.now(), toFake: ['Date'] });
      try {
        const token = `Bearer ${await sign(signers.ES256)}`;
        await remote(token);
        answer = { status: 200, body: JSON.stringify({ keys: [signers.EdDSA.jwk] }) };
        let worked = 0;
        for (let seconds = 0; seconds < 60; seconds += 5) {
          time.tick(5_000);
          worked += await remote(token).then(
            () => 1,
            ({ code }: HeadgateError) => (code === 'TOKEN_INVALID' ? 0 : Number.NaN),
          );
        }
        assert.ok(worked <= 11, `${worked}`);
        await assert.rejects(remote(token), { code: 'TOKEN_INVALID' });
        // And the key that has come works.
        assert.equal((await remote(`Bearer ${await sign(signers.EdDSA)}`)).tenant, 'UA');
      } finally {
        time.uninstall();
      }
    });

    it('goes on for ten minutes while their address does not answer, or answers with something else', async () => {
      const time = FakeTimers.install({ now: Date.now(), toFake: ['Date'] });
      try {
        const token = `Bearer ${await sign(signers.ES256, { exp: Math.floor(Date.now() / 1000) + 3_600 })}`;
        await remote(token);
        const huge = JSON.stringify({ keys: [signers.EdDSA.jwk], more: 'x'.repeat(2 * 1024 * 1024) });
        for (const broken of [
          { status: 500, body: '' },
          { status: 200, body: '{}' },
          { status: 200, body: huge },
        ]) {
          answer = broken;
          time.tick(60_000);
          clock.now += 60_000;
          await remote(token);
        }
        time.tick(600_000);
        clock.now += 600_000;
        await assert.rejects(remote(token), { code: 'ENGINE_UNAVAILABLE', retryable: true });
      } finally {
        time.uninstall();
      }
    });
  });
});

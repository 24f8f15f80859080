import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { makeDevelopmentKeys, openKeySet, signToken, type TokenClaims } from '../../src/keys/key-set.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const CLAIMS: TokenClaims = {
  tenant: 'UA',
  scope: 'events:write admin',
  issuer: 'i',
  audience: 'a',
  expiresInSeconds: 60,
};
const EXPECTED = { issuer: 'i', audience: 'a' };

describe('the development keys', () => {
  const dir = useTempDir();
  const read = (name: string): string => readFileSync(join(dir(), 'keys', name), 'utf8');

  it('are made at the first start, and sign tokens that are verified with them', async () => {
    const keys = await openKeySet({ dataDir: dir() });
    const { payload, protectedHeader } = await jwtVerify(await signToken(dir(), CLAIMS), keys, EXPECTED);
    assert.deepEqual(
      [payload.tenant, payload.scope, payload.iss, payload.aud],
      ['UA', 'events:write admin', 'i', 'a'],
    );
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 60);
    assert.equal(protectedHeader.alg, 'EdDSA');
  });

  it('stay the same from then on', async () => {
    await openKeySet({ dataDir: dir() });
    const token = await signToken(dir(), CLAIMS);
    const files = [read('development.private.jwk.json'), read('development.jwks.json')];
    await makeDevelopmentKeys(dir());
    await jwtVerify(token, await openKeySet({ dataDir: dir() }), EXPECTED);
    assert.deepEqual([read('development.private.jwk.json'), read('development.jwks.json')], files);
  });

  it('are private: nobody but the owner reads them, and the public set holds no secret', async function () {
    await makeDevelopmentKeys(dir());
    assert.equal(JSON.parse(read('development.jwks.json')).keys[0].d, undefined);
    assert.equal(typeof JSON.parse(read('development.private.jwk.json')).d, 'string');
    if (process.platform === 'win32') this.skip();
    assert.equal(statSync(join(dir(), 'keys', 'development.private.jwk.json')).mode & 0o777, 0o600);
    assert.equal(statSync(join(dir(), 'keys')).mode & 0o777, 0o700);
  });

  it('of one data directory do not open another', async () => {
    const other = join(dir(), 'other');
    await makeDevelopmentKeys(dir());
    const keys = await openKeySet({ dataDir: other });
    await assert.rejects(jwtVerify(await signToken(dir(), CLAIMS), keys, EXPECTED));
  });

  it('are one pair when two processes start at once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => makeDevelopmentKeys(dir())));
    await jwtVerify(await signToken(dir(), CLAIMS), await openKeySet({ dataDir: dir() }), EXPECTED);
  });

  it('are made whole after a crash that left only the private one', async () => {
    await makeDevelopmentKeys(dir());
    const token = await signToken(dir(), CLAIMS);
    rmSync(join(dir(), 'keys', 'development.jwks.json'));
    await jwtVerify(token, await openKeySet({ dataDir: dir() }), EXPECTED);
    assert.deepEqual(readdirSync(join(dir(), 'keys')).sort(), [
      'development.jwks.json',
      'development.private.jwk.json',
    ]);
  });

  it('make every token another, so that two of the same second can be told apart', async () => {
    await makeDevelopmentKeys(dir());
    const [one, two] = await Promise.all([signToken(dir(), CLAIMS), signToken(dir(), CLAIMS)]);
    assert.notEqual(decodeJwt(one).jti, decodeJwt(two).jti);
  });

  it('are asked for where there are none', async () => {
    await assert.rejects(signToken(dir(), CLAIMS), { code: 'KEY_MISSING', message: /HEADGATE_JWKS/ });
  });
});

describe('a key set of one’s own', () => {
  const dir = useTempDir();

  it('is read from a file, and no development key is made beside it or counts', async () => {
    const issuer = join(dir(), 'issuer');
    await makeDevelopmentKeys(issuer);
    await makeDevelopmentKeys(dir());
    const keys = await openKeySet({ dataDir: dir(), jwks: join(issuer, 'keys', 'development.jwks.json') });
    await jwtVerify(await signToken(issuer, CLAIMS), keys, EXPECTED);
    await assert.rejects(jwtVerify(await signToken(dir(), CLAIMS), keys, EXPECTED));
  });

  it('is refused at the start when it is missing or no key set', async () => {
    const path = join(dir(), 'jwks.json');
    const open = (): Promise<JWTVerifyGetKey> => openKeySet({ dataDir: dir(), jwks: path });
    const refused = { code: 'CONFIG_INVALID', message: /jwks\.json/ };
    await assert.rejects(open(), refused, 'missing');
    for (const content of ['', 'rubbish', '{}', '[]', 'null', '"x"', '{"keys":{}}', '{"keys":[1]}']) {
      writeFileSync(path, content);
      await assert.rejects(open(), refused, content);
    }
    mkdirSync(join(dir(), 'directory'));
    await assert.rejects(openKeySet({ dataDir: dir(), jwks: join(dir(), 'directory') }), {
      code: 'CONFIG_INVALID',
    });
  });

  it('is followed when the file changes: a new key works, one that is withdrawn does not', async () => {
    const issuers = ['a', 'b'].map((name) => join(dir(), name));
    await Promise.all(issuers.map(makeDevelopmentKeys));
    const [a = '', b = ''] = issuers;
    const setOf = (issuer: string): string =>
      readFileSync(join(issuer, 'keys', 'development.jwks.json'), 'utf8');
    const path = join(dir(), 'jwks.json');
    writeFileSync(path, setOf(a));
    const keys = await openKeySet({ dataDir: dir(), jwks: path, everyMs: 20 });
    try {
      const works = async (issuer: string): Promise<boolean> =>
        jwtVerify(await signToken(issuer, CLAIMS), keys, EXPECTED).then(
          () => true,
          () => false,
        );
      assert.deepEqual([await works(a), await works(b), keys.changes()], [true, false, 0]);
      // As Kubernetes does it, and editors: another file in its place.
      writeFileSync(`${path}.new`, setOf(b));
      renameSync(`${path}.new`, path);
      await until(async () => assert.deepEqual([await works(a), await works(b)], [false, true]), 5_000);
      assert.equal(keys.changes(), 1);
      // A mistake withdraws nothing.
      writeFileSync(path, 'rubbish');
      await new Promise((later) => setTimeout(later, 100));
      assert.deepEqual([await works(a), await works(b), keys.changes()], [false, true, 1]);
    } finally {
      keys.close();
    }
  });
});

describe('an API that other machines reach', () => {
  const dir = useTempDir();

  it('does not trust the development key unless it is told to', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.5', 'headgate.example', '127.0.0.1.example'])
      await assert.rejects(openKeySet({ dataDir: dir(), host }), {
        code: 'CONFIG_INVALID',
        message: /HEADGATE_JWKS.*HEADGATE_DEVELOPMENT_KEY=anywhere/,
      });
    const allowed = [
      { host: '0.0.0.0', developmentKey: 'anywhere' },
      ...['127.0.0.1', '::1', 'localhost'].map((host) => ({ host })),
    ] as const;
    for (const options of allowed) (await openKeySet({ dataDir: dir(), ...options })).close();
  });
});

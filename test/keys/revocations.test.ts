import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthenticator } from '../../src/api/authenticate.js';
import { openKeySet, signToken } from '../../src/keys/key-set.js';
import { openRevocations } from '../../src/keys/revocations.js';
import { ISSUED } from '../support/api.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

describe('revoked tokens', () => {
  const dir = useTempDir();
  const path = (): string => join(dir(), 'revoked.json');
  const open = async (file: unknown) => {
    await writeFile(path(), typeof file === 'string' ? file : JSON.stringify(file));
    return openRevocations(path(), { everyMs: 20 });
  };
  const at = (time: string): number => Date.parse(time) / 1000;

  it('are those of the file, by id, subject and time; nobody is revoked by what concerns another tenant', async () => {
    const revocations = await open({
      jti: ['t-1'],
      subjects: { UA: ['alice'] },
      notBefore: { DL: '2026-11-28T12:00:00Z' },
    });
    revocations.close();
    const revoked = (token: object): boolean =>
      revocations.reasonFor({ tenant: 'UA', ...token }) !== undefined;
    assert.deepEqual([{ id: 't-1' }, { id: 't-2' }, {}].map(revoked), [true, false, false]);
    assert.deepEqual([{ subject: 'alice' }, { subject: 'bob' }].map(revoked), [true, false]);
    assert.equal(revoked({ tenant: 'AA', subject: 'alice' }), false);
    const times = ['2026-11-28T11:59:59Z', '2026-11-28T12:00:00Z'].map(at);
    assert.deepEqual(
      [...times, undefined].map((issuedAt) => revoked({ tenant: 'DL', issuedAt })),
      [true, false, true],
    );
    assert.equal(revoked({ issuedAt: 0 }), false);
    // Names that every object has are nobody.
    for (const tenant of ['constructor', '__proto__'])
      assert.equal(revoked({ tenant, subject: 'alice' }), false);
  });

  it("are an operator's by id or as an operator's subject, not by what is said of a tenant", async () => {
    const revocations = await open({
      jti: ['t-1'],
      subjects: { UA: ['alice'] },
      operators: ['bob'],
      notBefore: { UA: '2026-11-28T12:00:00Z' },
    });
    revocations.close();
    const revoked = (token: object): boolean => revocations.reasonFor(token) !== undefined;
    const tokens = [{ id: 't-1' }, { subject: 'bob' }, { subject: 'alice', issuedAt: 0 }, {}];
    assert.deepEqual(tokens.map(revoked), [true, true, false, false]);
    assert.equal(revoked({ tenant: 'DL', subject: 'bob' }), false);
  });

  it('are refused from the next look at the file on, cached or not, and taken again when they are no longer in it', async () => {
    const revocations = await open({});
    const keys = await openKeySet({ dataDir: dir() });
    try {
      const authenticate = createAuthenticator({
        keys,
        ...ISSUED,
        revocations,
        tenantStatusOf: () => 'active',
      });
      const claims = { tenant: 'UA', scope: 'admin', ...ISSUED, expiresInSeconds: 600 };
      const tokenOf = async (subject: string): Promise<string> =>
        `Bearer ${await signToken(dir(), { ...claims, subject })}`;
      const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')];
      await authenticate(alice);
      await writeFile(path(), JSON.stringify({ subjects: { UA: ['alice'] } }));
      await until(() => assert.rejects(authenticate(alice), { code: 'TOKEN_REVOKED' }), 5_000);
      await authenticate(bob);
      // A mistake gives nothing back.
      await writeFile(path(), '{"subjects": {"UA": "alice"}}');
      await new Promise((later) => setTimeout(later, 100));
      await assert.rejects(authenticate(alice), { code: 'TOKEN_REVOKED' });
      await writeFile(path(), '{}');
      await until(() => authenticate(alice), 5_000);
    } finally {
      revocations.close();
      keys.close();
    }
  });

  it('are asked for in a form that cannot be misread', async () => {
    const wrong = [
      '',
      '[]',
      { jtis: [] },
      { jti: 'x' },
      { subjects: ['alice'] },
      { notBefore: { UA: 'yesterday' } },
    ];
    for (const file of [...wrong, { notBefore: { UA: '2026-13-45T12:00:00Z' } }])
      await assert.rejects(open(file), {
        code: 'CONFIG_INVALID',
        message: /revoked\.json is not a file of revoked tokens/,
      });
    await assert.rejects(openRevocations(join(dir(), 'none.json')), {
      code: 'CONFIG_INVALID',
      message: /no such file/,
    });
  });
});

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import FakeTimers from '@sinonjs/fake-timers';
import { createAuthenticator, type Authenticator } from '../../src/api/authenticate.js';
import { FollowedTokens } from '../../src/api/followed-tokens.js';
import type { HeadgateError } from '../../src/errors.js';
import { makeDevelopmentKeys, openKeySet, signToken, type KeySet } from '../../src/keys/key-set.js';
import { createRemoteKeys } from '../../src/keys/remote-keys.js';
import { openRevocations, type Revocations } from '../../src/keys/revocations.js';
import { ISSUED } from '../support/api.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

interface Followed {
  readonly lost: string[];
  readonly leave: () => void;
}

const SOON_MS = 3_000;

describe('the token of a request that is under way', () => {
  const dir = useTempDir();
  const revoked = (): string => join(dir(), 'revoked.json');
  const keysOf = (issuer: string): string => join(issuer, 'keys', 'development.jwks.json');
  const statuses = new Map<string, 'active' | 'suspended'>();
  let tellStatus: (tenant: string) => void;
  let keys: KeySet;
  let revocations: Revocations;
  let authenticate: Authenticator;
  let followed: Followed[];

  beforeEach(async () => {
    followed = [];
    statuses.clear();
    await writeFile(revoked(), '{}');
    keys = await openKeySet({ dataDir: dir(), everyMs: 20 });
    revocations = await openRevocations(revoked(), { everyMs: 20 });
    authenticate = createAuthenticator({
      keys,
      ...ISSUED,
      revocations,
      tenantStatusOf: (tenant) => statuses.get(tenant) ?? 'active',
      onTenantStatusChange: (listener) => (tellStatus = listener),
    });
  });
  afterEach(() => {
    for (const { leave } of followed) leave();
    revocations.close();
    keys.close();
  });

  async function follow(tenant: string, subject: string, expiresInSeconds = 600): Promise<Followed> {
    const claims = { tenant, subject, scope: 'admin', ...ISSUED, expiresInSeconds };
    return followWith(authenticate, await signToken(dir(), claims));
  }

  async function followWith(by: Authenticator, token: string): Promise<Followed> {
    const lost: string[] = [];
    const caller = await by(`Bearer ${token}`);
    const leave = by.follow(caller, (reason) => lost.push((reason as HeadgateError).code));
    followed.push({ lost, leave });
    return { lost, leave };
  }

  const becomes = ({ lost }: Followed, code: string): Promise<void> =>
    until(() => assert.deepEqual(lost, [code]), SOON_MS);

  it('is lost when it is revoked, once, and no other with it', async () => {
    const [alice, bob, other] = [
      await follow('UA', 'alice'),
      await follow('UA', 'bob'),
      await follow('DL', 'alice'),
    ];
    await writeFile(revoked(), JSON.stringify({ subjects: { UA: ['alice'] } }));
    await becomes(alice, 'TOKEN_REVOKED');
    await writeFile(revoked(), JSON.stringify({ notBefore: { UA: '2999-01-01T00:00:00Z' } }));
    await becomes(bob, 'TOKEN_REVOKED');
    assert.deepEqual([alice.lost.length, other.lost], [1, []]);
  });

  it('is lost when its key is withdrawn, also where another one takes its name', async () => {
    const [one, two] = [await follow('UA', 'alice'), await follow('DL', 'bob')];
    const before = JSON.parse(await readFile(keysOf(dir()), 'utf8')) as { keys: { kid: string }[] };
    const stranger = join(dir(), 'stranger');
    await makeDevelopmentKeys(stranger);
    const others = JSON.parse(await readFile(keysOf(stranger), 'utf8')) as typeof before;
    // A key that comes takes none away.
    await writeFile(keysOf(dir()), JSON.stringify({ keys: [...before.keys, ...others.keys] }));
    await until(() => assert.equal(keys.changes(), 1), SOON_MS);
    await new Promise((later) => setTimeout(later, 50));
    assert.deepEqual([one.lost, two.lost], [[], []]);
    two.leave();
    const [{ kid }] = before.keys as [{ kid: string }];
    await writeFile(keysOf(dir()), JSON.stringify({ keys: [{ ...others.keys[0], kid }] }));
    await becomes(one, 'TOKEN_INVALID');
    assert.deepEqual(two.lost, []);
  });

  it('is lost when it expires', async () => {
    // Until the leeway for clocks is over, a second from now or two.
    const [short, long] = [await follow('UA', 'alice', -3), await follow('UA', 'alice')];
    assert.deepEqual(short.lost, []);
    await becomes(short, 'TOKEN_EXPIRED');
    assert.deepEqual(long.lost, []);
  });

  it('is lost when its tenant is suspended', async () => {
    const [ua, dl] = [await follow('UA', 'alice'), await follow('DL', 'bob')];
    statuses.set('UA', 'suspended').set('DL', 'suspended');
    tellStatus('UA');
    assert.deepEqual([ua.lost, dl.lost], [['TENANT_SUSPENDED'], []]);
  });

  it('is lost at once when it was revoked before it was followed', async () => {
    const claims = { tenant: 'UA', scope: 'admin', ...ISSUED, expiresInSeconds: 600 };
    const caller = await authenticate(`Bearer ${await signToken(dir(), claims)}`);
    statuses.set('UA', 'suspended');
    const lost: unknown[] = [];
    authenticate.follow(caller, (reason) => lost.push(reason));
    assert.equal(lost.length, 1);
    await assert.rejects(authenticate.check(caller), { code: 'TENANT_SUSPENDED' });
  });

  describe('whose keys are fetched', () => {
    let server: Server;
    let set: string;

    beforeEach(async () => {
      set = await readFile(keysOf(dir()), 'utf8');
      server = createServer((_, response) => response.end(set));
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    });
    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    const remote = (): Authenticator => {
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      return createAuthenticator({ keys: createRemoteKeys(url), ...ISSUED, tenantStatusOf: () => 'active' });
    };
    const claims = { tenant: 'UA', scope: 'admin', ...ISSUED, expiresInSeconds: 600 };

    it('is lost as soon as any request has brought the set without its key', async () => {
      const time = FakeTimers.install({ now: Date.now(), toFake: ['Date'] });
      try {
        const by = remote();
        const one = await followWith(by, await signToken(dir(), claims));
        set = '{"keys":[]}';
        time.tick(26_000);
        await assert.rejects(by(`Bearer ${await signToken(dir(), { ...claims, tenant: 'DL' })}`), {
          code: 'TOKEN_INVALID',
        });
        await becomes(one, 'TOKEN_INVALID');
      } finally {
        time.uninstall();
      }
    });
  });
});

describe('a token that is followed', () => {
  let time: FakeTimers.Clock;
  beforeEach(() => (time = FakeTimers.install({ now: 0 })));
  afterEach(() => time.uninstall());

  /** Looked up each half minute, and good for 100 s; the look-ups fail once the key has gone. */
  const tokens = () => {
    const token = { lookedUpAt: 0, lookUps: 0, hasKey: true };
    const followed = new FollowedTokens<typeof token>({
      assertGood: () => {
        if (Date.now() >= 100_000) throw new Error('expired');
      },
      isFresh: ({ lookedUpAt }) => Date.now() - lookedUpAt < 30_000,
      lookUp: async (each) => {
        each.lookUps++;
        each.lookedUpAt = Date.now();
        if (!each.hasKey) throw new Error('withdrawn');
      },
      nextLookAt: ({ lookedUpAt }) => Math.min(100_000, lookedUpAt + 30_000),
    });
    const lost: string[] = [];
    const leave = followed.follow(token, (reason) => lost.push(`${(reason as Error).message} ${Date.now()}`));
    return { token, lost, leave };
  };

  it('has its key looked up each half minute, though nobody else comes, and is lost on the dot', async () => {
    const { token, lost } = tokens();
    await time.tickAsync(99_999);
    assert.deepEqual([token.lookUps, lost], [3, []]);
    await time.tickAsync(1);
    assert.deepEqual(lost, ['expired 100000']);
  });

  it('is lost at the next look-up after its key has gone', async () => {
    const { token, lost } = tokens();
    await time.tickAsync(35_000);
    token.hasKey = false;
    await time.tickAsync(60_000);
    assert.deepEqual([token.lookUps, lost], [2, ['withdrawn 60000']]);
  });

  it('is looked at no more once its request has ended', async () => {
    const { token, lost, leave } = tokens();
    leave();
    assert.equal(time.countTimers(), 0);
    await time.tickAsync(200_000);
    assert.deepEqual([token.lookUps, lost], [0, []]);
  });
});

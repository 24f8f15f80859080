import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { HeadgateError } from '../../../src/errors.js';
import { makeDevelopmentKeys, type TokenClaims } from '../../../src/keys/key-set.js';
import { openRevocations, type Revocations } from '../../../src/keys/revocations.js';
import { ackIdsOf, flights, idsOf, startPulling, type Pulling } from '../../support/pulling.js';
import { until } from '../../support/until.js';

const [UA, DL] = ['op-UA', 'op-DL'];
/** Far less than what a poll waits here. */
const SOON_MS = 5_000;
const NAMES = ['jti', 'subject', 'before', 'key', 'status', 'expiry', 'check'];

describe('a poll whose token is good no more', function () {
  this.timeout(90_000);
  let dir: string;
  let pulling: Pulling;
  let revocations: Revocations;
  let tellStatus: (tenant: string) => void;
  const tenants: Record<string, 'active' | 'suspended'> = { [UA]: 'active', [DL]: 'active' };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-polls-'));
    await writeFile(revoked(), '{}');
    revocations = await openRevocations(revoked(), { everyMs: 20 });
    const subscriptions = NAMES.map((name) => ({ name, kind: 'pull' }));
    pulling = await startPulling({ [UA]: subscriptions, [DL]: subscriptions }, {}, undefined, {
      revocations,
      tenants,
      keysEveryMs: 20,
      onTenantStatusChange: (listener) => (tellStatus = listener),
    });
  });
  after(async () => {
    await pulling.stop();
    revocations.close();
    await rm(dir, { recursive: true, force: true });
    assert.deepEqual(pulling.api.faults, []);
  });

  const revoked = (): string => join(dir, 'revoked.json');
  const revoke = (what: object): Promise<void> => writeFile(revoked(), JSON.stringify(what));
  const tokenOf = (tenant: string, more: Partial<TokenClaims> = {}): Promise<string> =>
    pulling.api.token({ tenant, ...more });

  /** Opens a poll, and resolves when it waits. */
  async function openPoll(token: string, subscription: string) {
    const { tenant } = decodeJwt(token);
    const answer = pulling.call(token, subscription, 'pull', { waitMs: 30_000 });
    await until(
      () =>
        assert.ok(
          pulling.pull.holding().some((each) => each.tenant === tenant && each.subscription === subscription),
        ),
      SOON_MS,
    );
    let answered = false;
    void answer.finally(() => (answered = true));
    return { answer, isOpen: () => !answered };
  }

  /** Opens a poll of each tenant, does what ends the one, and gives its answer; the other is to go on, and get events. */
  async function endedBy(subscription: string, token: string, work: () => Promise<unknown>) {
    const ended = await openPoll(token, subscription);
    const other = await openPoll(await tokenOf(DL), subscription);
    const began = performance.now();
    await work();
    const answer = await ended.answer;
    assert.ok(performance.now() - began < SOON_MS, 'it waited to its end');
    assert.ok(other.isOpen());
    await pulling.deliver(DL, subscription, flights('d', 1));
    const others = await other.answer;
    assert.deepEqual([others.status, idsOf(others)], [200, ['d-0']]);
    await pulling.call(DL, subscription, 'ack', ackIdsOf(others));
    return answer;
  }

  /** What comes from now on goes to whose token is good, and counts as their first attempt. */
  async function goesOn(subscription: string, token: string): Promise<void> {
    await pulling.deliver(UA, subscription, flights('u', 1));
    const answer = await pulling.call(token, subscription, 'pull', { waitMs: 30_000 });
    assert.deepEqual([idsOf(answer), answer.messages[0]?.attempt], [['u-0'], 1]);
    await pulling.call(token, subscription, 'ack', ackIdsOf(answer));
  }

  it('is answered 401 when its token is revoked by its id', async () => {
    const token = await tokenOf(UA);
    const { status, code, messages } = await endedBy('jti', token, () =>
      revoke({ jti: [decodeJwt(token).jti] }),
    );
    assert.deepEqual([status, code, messages], [401, 'TOKEN_REVOKED', []]);
    await goesOn('jti', await tokenOf(UA));
  });

  it('is answered 401 when its subject is revoked', async () => {
    const { status, code } = await endedBy('subject', await tokenOf(UA, { subject: 'alice' }), () =>
      revoke({ subjects: { [UA]: ['alice'] } }),
    );
    assert.deepEqual([status, code], [401, 'TOKEN_REVOKED']);
    await goesOn('subject', await tokenOf(UA, { subject: 'bob' }));
  });

  it('is answered 401 when what its tenant’s issuer has issued before is revoked', async () => {
    const { status, code } = await endedBy('before', await tokenOf(UA), () =>
      revoke({ notBefore: { [UA]: '2999-01-01T00:00:00Z' } }),
    );
    assert.deepEqual([status, code], [401, 'TOKEN_REVOKED']);
    await revoke({});
    await until(async () => {
      const { status } = await pulling.call(UA, 'before', 'pull', { waitMs: 0 });
      assert.equal(status, 200);
    }, SOON_MS);
    await goesOn('before', await tokenOf(UA));
  });

  it('is answered 403 when its tenant is suspended', async () => {
    const { status, code } = await endedBy('status', await tokenOf(UA), async () => {
      tenants[UA] = 'suspended';
      tellStatus(UA);
    });
    tenants[UA] = 'active';
    assert.deepEqual([status, code], [403, 'TENANT_SUSPENDED']);
    await goesOn('status', await tokenOf(UA));
  });

  it('is answered with nothing when its token expires: the consumer asks again with the next', async () => {
    // Two seconds from now, with the leeway for clocks.
    const token = await tokenOf(UA, { expiresInSeconds: -3 });
    const answer = await endedBy('expiry', token, () => Promise.resolve());
    assert.deepEqual([answer.status, answer.messages], [200, []]);
    const { status, code } = await pulling.call(token, 'expiry', 'pull');
    assert.deepEqual([status, code], [401, 'TOKEN_EXPIRED']);
    await goesOn('expiry', await tokenOf(UA));
  });

  it('gets nothing of what it has leased when that is noticed last of all; the next has it at once, as the first', async () => {
    await pulling.deliver(UA, 'check', flights('c', 3));
    const stays = new AbortController().signal;
    const who = { tenant: UA, subscription: 'check' };
    const request = { maxMessages: 10, waitMs: 20_000 };
    const reason = new HeadgateError('TOKEN_REVOKED', 'The token has been revoked.');
    await assert.rejects(
      pulling.pull.pull(who, request, stays, () => Promise.reject(reason)),
      reason,
    );
    const answer = await pulling.call(UA, 'check', 'pull', { waitMs: 0 });
    assert.deepEqual(
      answer.messages.map(({ attempt, event }) => [event.id, attempt]),
      [0, 1, 2].map((n) => [`c-${n}`, 1]),
    );
    await pulling.call(UA, 'check', 'ack', ackIdsOf(answer));
  });

  // The last: no key is as before after it.
  it('is answered 401 when its key is withdrawn', async () => {
    const { keysPath } = pulling.api;
    const before = JSON.parse(await readFile(keysPath, 'utf8')) as { keys: object[] };
    await makeDevelopmentKeys(dir);
    const next = await readFile(join(dir, 'keys', 'development.jwks.json'), 'utf8');
    const poll = await openPoll(await tokenOf(UA), 'key');
    // A key that comes ends nobody's.
    const both = { keys: [...before.keys, ...(JSON.parse(next) as { keys: object[] }).keys] };
    await writeFile(keysPath, JSON.stringify(both));
    await new Promise((later) => setTimeout(later, 200));
    assert.ok(poll.isOpen());
    await writeFile(keysPath, next);
    const { status, code } = await poll.answer;
    assert.deepEqual([status, code], [401, 'TOKEN_INVALID']);
  });
});

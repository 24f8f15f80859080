import assert from 'node:assert/strict';
import { ackIdsOf, flights, idsOf, startPulling, type Pulling } from '../../support/pulling.js';
import { until } from '../../support/until.js';

/** Of Temporal's pending activities. */
const CANCEL_REQUESTED = 3;

const pull = (name: string, more: object = {}) => ({ name, kind: 'pull', ...more });

describe('pull subscriptions over HTTP', function () {
  this.timeout(90_000);
  let pulling: Pulling;

  before(async () => {
    const names = [
      'plain',
      'shared',
      'short',
      'spent',
      'nacked',
      'mine',
      'waits',
      'gone',
      'many',
      'extends',
      'off',
    ];
    pulling = await startPulling(
      {
        'pl-UA': [
          ...names.map((name) => pull(name)),
          pull('ordered', { orderingKey: 'event.subject' }),
          { name: 'hook', kind: 'push', url: 'https://hooks.example/x' },
        ],
        'pl-DL': [pull('mine')],
      },
      { short: { ackDeadlineMs: 400 }, spent: { maxAttempts: 2 }, extends: { ackDeadlineMs: 1_000 } },
    );
  });
  after(async () => {
    await pulling.stop();
    assert.deepEqual(pulling.api.faults, []);
  });

  const UA = 'pl-UA';
  const ask = (subscription: string, call: string, body?: unknown) =>
    pulling.call(UA, subscription, call, body);

  it('hands events out as CloudEvents, and is done with a batch when all of it is acknowledged', async () => {
    const extensions = { hops: 2, traceparent: 'x' };
    const delivery = await pulling.deliver(UA, 'plain', [
      ...flights('a', 1),
      ...flights('b', 1, { stage: 'raw', extensions }),
    ]);
    const answer = await ask('plain', 'pull');
    assert.equal(answer.status, 200);
    assert.deepEqual(
      answer.messages.map(({ attempt, event }) => ({ attempt, event })),
      [
        {
          attempt: 1,
          event: {
            ...flights('a', 1)[0],
            received_at: undefined,
            hops: 1,
            receivedat: '2013-01-02T00:00:00.000Z',
          },
        },
        {
          attempt: 1,
          event: {
            ...flights('b', 1)[0],
            received_at: undefined,
            stage: 'raw',
            hops: 3,
            traceparent: 'x',
            receivedat: '2013-01-02T00:00:00.000Z',
          },
        },
      ].map(({ attempt, event }) => ({ attempt, event: JSON.parse(JSON.stringify(event)) as unknown })),
    );
    const acked = await ask('plain', 'ack', ackIdsOf(answer));
    assert.deepEqual([acked.status, acked.results.map(({ status }) => status)], [200, ['ok', 'ok']]);
    const { delivered, deadLettered, passes } = await pulling.resultOf(delivery);
    assert.deepEqual([delivered, deadLettered, passes], [2, 0, 1]);
  });

  it('answers with nothing when nothing has come', async () => {
    const answer = await ask('waits', 'pull', { waitMs: 0 });
    assert.deepEqual([answer.status, answer.messages], [200, []]);
  });

  it('answers who waits as soon as a batch comes', async () => {
    const waiting = ask('waits', 'pull', { waitMs: 30_000 });
    await until(
      () => assert.ok(pulling.pull.holding().some(({ subscription }) => subscription === 'waits')),
      5_000,
    );
    await pulling.deliver(UA, 'waits', flights('w', 1));
    const answer = await waiting;
    assert.deepEqual(idsOf(answer), ['w-0']);
    await ask('waits', 'ack', ackIdsOf(answer));
  });

  it('shares a subscription between consumers, and no event goes to two', async () => {
    const deliveries = await Promise.all(
      [0, 1, 2].map((n) => pulling.deliver(UA, 'shared', flights(`s${n}`, 50))),
    );
    const seen: string[] = [];
    const leases = new Set<string>();
    const consume = async (): Promise<void> => {
      for (let left = 150; left > 0 && seen.length < 150;) {
        const answer = await ask('shared', 'pull', { maxMessages: 7, waitMs: 500 });
        left = answer.messages.length === 0 ? 0 : left;
        seen.push(...idsOf(answer));
        for (const { ackId } of answer.messages) leases.add(ackId);
        if (answer.messages.length > 0)
          assert.equal((await ask('shared', 'ack', ackIdsOf(answer))).status, 200);
      }
    };
    await Promise.all([consume(), consume(), consume(), consume()]);
    assert.deepEqual([seen.length, new Set(seen).size, leases.size], [150, 150, 150]);
    for (const delivery of deliveries) assert.equal((await pulling.resultOf(delivery)).delivered, 50);
  });

  it('hands an event out again when its deadline has passed, and refuses the old ack id for ever', async () => {
    const delivery = await pulling.deliver(UA, 'short', flights('late', 1));
    const first = await ask('short', 'pull');
    assert.equal(first.messages[0]?.attempt, 1);
    const second = await ask('short', 'pull', { waitMs: 30_000 });
    assert.deepEqual([idsOf(second), second.messages[0]?.attempt], [['late-0'], 2]);
    for (const call of ['ack', 'nack']) {
      const refused = await ask('short', call, ackIdsOf(first));
      assert.deepEqual([refused.status, refused.code], [409, 'LEASE_STALE']);
      assert.deepEqual(refused.results, [{ ackId: first.messages[0]?.ackId, status: 'stale' }]);
    }
    const both = { ackIds: [...ackIdsOf(second).ackIds, ...ackIdsOf(first).ackIds, 'nonsense'] };
    const mixed = await ask('short', 'ack', both);
    // Another expiry is possible where a machine stands still.
    if (mixed.status === 200)
      assert.deepEqual(
        mixed.results.map(({ status }) => status),
        ['ok', 'stale', 'unknown'],
      );
    await until(async () => {
      const rest = await ask('short', 'pull', { waitMs: 100 });
      if (rest.messages.length > 0) await ask('short', 'ack', ackIdsOf(rest));
      assert.equal((await delivery.describe()).status.name, 'COMPLETED');
    }, 20_000);
  });

  it('makes an event a dead letter when it was handed out as often as allowed', async () => {
    const delivery = await pulling.deliver(UA, 'spent', flights('bad', 2));
    for (const attempt of [1, 2]) {
      const { messages } = await ask('spent', 'pull', { waitMs: 30_000 });
      const bad = messages.filter(({ event }) => event.id === 'bad-0');
      assert.equal(bad[0]?.attempt, attempt);
      const good = messages.filter(({ event }) => event.id !== 'bad-0');
      if (good.length > 0) await ask('spent', 'ack', ackIdsOf({ messages: good }));
      assert.equal((await ask('spent', 'nack', ackIdsOf({ messages: bad }))).status, 200);
    }
    const { delivered, deadLettered, deadLetters } = await pulling.resultOf(delivery);
    assert.deepEqual([delivered, deadLettered, deadLetters.length], [1, 1, 1]);
    const letter = await pulling.pipeline.client.workflow.getHandle(deadLetters[0]!).describe();
    assert.equal(letter.status.name, 'RUNNING');
    assert.deepEqual([letter.memo?.reason, letter.memo?.attempts], ['never-acknowledged', 2]);
    await pulling.pipeline.client.workflow.getHandle(deadLetters[0]!).signal('discard', { actor: 'test' });
  });

  it('makes what is given back available at once, and counts the attempt', async () => {
    await pulling.deliver(UA, 'nacked', flights('n', 1));
    const first = await ask('nacked', 'pull');
    assert.equal((await ask('nacked', 'nack', ackIdsOf(first))).status, 200);
    const second = await ask('nacked', 'pull', { waitMs: 0 });
    assert.equal(second.messages[0]?.attempt, 2);
    const zero = { ...ackIdsOf(second), ackDeadlineSeconds: 0 };
    assert.equal((await ask('nacked', 'modify-ack-deadline', zero)).status, 200);
    const third = await ask('nacked', 'pull', { waitMs: 0 });
    assert.equal(third.messages[0]?.attempt, 3);
    await ask('nacked', 'ack', ackIdsOf(third));
  });

  it('moves a deadline', async () => {
    await pulling.deliver(UA, 'extends', flights('e', 2));
    const both = await ask('extends', 'pull');
    const [kept, left] = both.messages;
    const more = { ackIds: [kept!.ackId], ackDeadlineSeconds: 600 };
    assert.equal((await ask('extends', 'modify-ack-deadline', more)).status, 200);
    const again = await ask('extends', 'pull', { waitMs: 30_000 });
    assert.deepEqual(idsOf(again), [left!.event.id]);
    const acked = await ask('extends', 'ack', { ackIds: [kept!.ackId] });
    assert.equal(acked.status, 200);
    await ask('extends', 'ack', ackIdsOf(again));
  });

  it('hands events of a key out one after another', async () => {
    const delivery = await pulling.deliver(UA, 'ordered', flights('o', 9));
    const seen: string[] = [];
    while (seen.length < 9) {
      const answer = await ask('ordered', 'pull', { waitMs: 30_000 });
      const keys = answer.messages.map(({ event }) => event.subject);
      assert.equal(new Set(keys).size, keys.length);
      const [nacked, ...rest] = answer.messages;
      if (nacked!.attempt === 1) {
        await ask('ordered', 'nack', { ackIds: [nacked!.ackId] });
        if (rest.length > 0) await ask('ordered', 'ack', ackIdsOf({ messages: rest }));
        seen.push(...rest.map(({ event }) => event.id));
      } else {
        await ask('ordered', 'ack', ackIdsOf(answer));
        seen.push(...idsOf(answer));
      }
    }
    for (const key of [0, 1, 2]) {
      const ofKey = seen.filter((id) => Number(id.slice(2)) % 3 === key);
      assert.deepEqual(ofKey, [...ofKey].sort());
    }
    assert.equal((await pulling.resultOf(delivery)).delivered, 9);
  });

  it('hands nothing to a consumer that has gone', async () => {
    const leaving = new AbortController();
    const token = await pulling.api.token({ tenant: UA });
    const left = fetch(`${pulling.api.url}/v1/subscriptions/gone/pull`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: '{"waitMs":30000}',
      signal: leaving.signal,
    });
    await until(
      () => assert.ok(pulling.pull.holding().some(({ subscription }) => subscription === 'gone')),
      5_000,
    );
    leaving.abort();
    await assert.rejects(left);
    await pulling.deliver(UA, 'gone', flights('g', 1));
    const answer = await ask('gone', 'pull', { waitMs: 30_000 });
    assert.deepEqual([idsOf(answer), answer.messages[0]?.attempt], [['g-0'], 1]);
    await ask('gone', 'ack', ackIdsOf(answer));
  });

  it('forgets no acknowledgement when the pass is called off to look at its subscription', async () => {
    const delivery = await pulling.deliver(UA, 'off', flights('off', 2));
    const first = await ask('off', 'pull');
    assert.deepEqual(idsOf(first), ['off-0', 'off-1']);
    await delivery.signal('review');
    await until(async () => {
      const { pendingActivities } = (await delivery.describe()).raw;
      assert.equal(pendingActivities?.[0]?.state, CANCEL_REQUESTED);
    }, 10_000);
    const [ack] = ackIdsOf(first).ackIds;
    const acked = await ask('off', 'ack', { ackIds: [ack] });
    assert.deepEqual(
      acked.results.map(({ status }) => status),
      ['ok'],
    );
    const second = await ask('off', 'pull', { waitMs: 10_000 });
    assert.deepEqual(idsOf(second), ['off-1']);
    await ask('off', 'ack', ackIdsOf(second));
    const { delivered, deadLettered, passes } = await pulling.resultOf(delivery);
    assert.deepEqual([delivered, deadLettered, passes], [2, 0, 2]);
  });

  it('hands out a thousand at once, and takes their acknowledgement at once', async () => {
    const delivery = await pulling.deliver(UA, 'many', flights('m', 1_000));
    const answer = await ask('many', 'pull', { maxMessages: 1_000 });
    assert.equal(new Set(idsOf(answer)).size, 1_000);
    assert.equal((await ask('many', 'ack', ackIdsOf(answer))).results.length, 1_000);
    assert.equal((await pulling.resultOf(delivery)).delivered, 1_000);
  });

  describe('who may', () => {
    it("another tenant's token gets nothing of a subscription of the same name, and its ack ids do nothing", async () => {
      const delivery = await pulling.deliver(UA, 'mine', flights('x', 1));
      const own = await ask('mine', 'pull');
      assert.deepEqual(idsOf(own), ['x-0']);
      for (const stranger of ['pl-DL', await pulling.api.token({ tenant: 'pl-DL', scope: 'admin' })]) {
        const taken = await pulling.call(stranger, 'mine', 'pull', { waitMs: 0 });
        assert.deepEqual([taken.status, taken.messages], [200, []]);
        for (const [call, more] of [
          ['ack', {}],
          ['nack', {}],
          ['modify-ack-deadline', { ackDeadlineSeconds: 0 }],
        ] as const) {
          const refused = await pulling.call(stranger, 'mine', call, { ...ackIdsOf(own), ...more });
          assert.deepEqual([refused.status, refused.code], [409, 'LEASE_STALE']);
        }
        for (const [call, body] of [
          ['pull', {}],
          ['ack', ackIdsOf(own)],
          ['nack', ackIdsOf(own)],
          ['modify-ack-deadline', { ...ackIdsOf(own), ackDeadlineSeconds: 10 }],
        ] as const)
          assert.equal((await pulling.call(stranger, 'plain', call, body)).status, 404);
      }
      const elsewhere = await ask('plain', 'ack', ackIdsOf(own));
      assert.equal(elsewhere.code, 'LEASE_STALE', 'nor for another subscription');
      assert.equal((await ask('mine', 'ack', ackIdsOf(own))).status, 200);
      assert.equal((await pulling.resultOf(delivery)).delivered, 1);
    });

    it('a token for one subscription opens that one alone', async () => {
      const token = await pulling.api.token({ tenant: UA, scope: 'subscriptions:pull:plain' });
      assert.equal((await pulling.call(token, 'plain', 'pull', { waitMs: 0 })).status, 200);
      for (const other of ['mine', 'plai', 'plainx', 'nothere']) {
        const refused = await pulling.call(token, other, 'pull', { waitMs: 0 });
        assert.deepEqual([refused.status, refused.code], [403, 'SCOPE_MISSING']);
      }
    });

    for (const name of ['nothere', 'hook', 'UPPER', '..%2fmine', 'a'.repeat(200), '__proto__'])
      it(`there is no pull subscription ${name.slice(0, 20)}`, async () => {
        for (const call of ['pull', 'ack', 'nack']) {
          const body = call === 'pull' ? {} : { ackIds: ['x'] };
          assert.deepEqual([(await ask(name, call, body)).status], [404]);
        }
      });
  });

  describe('refuses, and says why', () => {
    for (const [call, body, why] of [
      ['pull', { maxMessages: 0 }, /maxMessages must be >= 1/],
      ['pull', { maxMessages: 1_001 }, /maxMessages must be <= 1000/],
      ['pull', { maxMessages: '5' }, /maxMessages must be integer/],
      ['pull', { waitMs: 30_001 }, /waitMs must be <= 30000/],
      ['pull', { max: 5 }, /"max"/],
      ['pull', [], /must be object/],
      ['ack', {}, /ackIds/],
      ['ack', { ackIds: [] }, /fewer than 1/],
      ['ack', { ackIds: [1] }, /ackIds.0 must be string/],
      ['nack', { ackIds: Array.from({ length: 1_001 }, () => 'x') }, /more than 1000/],
      ['modify-ack-deadline', { ackIds: ['x'] }, /ackDeadlineSeconds/],
      ['modify-ack-deadline', { ackIds: ['x'], ackDeadlineSeconds: 9 }, /0, or 10 to 600/],
      ['modify-ack-deadline', { ackIds: ['x'], ackDeadlineSeconds: 601 }, /0, or 10 to 600/],
      ['modify-ack-deadline', { ackIds: ['x'], ackDeadlineSeconds: -1 }, /0, or 10 to 600/],
    ] as const) {
      it(`${call} with ${JSON.stringify(body).slice(0, 60)}`, async () => {
        const answer = await ask('plain', call, body);
        assert.deepEqual([answer.status, answer.code], [400, 'BODY_MALFORMED']);
        assert.match(answer.detail ?? '', why);
      });
    }

    it('a body that is not JSON', async () => {
      const token = await pulling.api.token({ tenant: UA });
      const path = '/v1/subscriptions/plain/ack';
      const answer = await pulling.api.post('{', { path, token });
      assert.deepEqual([answer.status, answer.body.code], [400, 'BODY_MALFORMED']);
    });
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mediaTypeOf } from '../../src/api/openapi/operation.js';
import type { RouteExample, RouteShape } from '../../src/api/route.js';
import { ROUTES } from '../../src/api/routes.js';
import { signToken } from '../../src/keys/key-set.js';
import { assertDocumented, examplePath } from '../support/documented.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const TENANT = 'acme';
/** The tenant that operators manage in the examples. */
const MANAGED = '/v1/tenants/globex';
const WITHIN_MS = 30_000;

/** Members whose values are the same whenever an example is run; of the others the type is. */
const STABLE = new Set([
  'accepted',
  'attempt',
  'attempts',
  'code',
  'count',
  'detail',
  'dryRun',
  'duplicate',
  'error',
  'index',
  'kind',
  'name',
  'outcome',
  'reason',
  'rejected',
  'response',
  'rule',
  'state',
  'status',
  'stream',
  'subscription',
  'tenant',
  'title',
  'type',
]);

const ATTRIBUTES = { specversion: '1.0', source: '/shop', subject: 'c-8' };

/** What a route needs before its examples can be run: values of its path, and ids to be put in place of those in a body. */
type Preparation = () => Promise<{ readonly params?: Record<string, string>; readonly ackId?: string }>;

describe('each example of the OpenAPI document, run against a node', function () {
  this.timeout(120_000);
  let dir: string;
  let receiver: WebhookReceiver;
  let url: string;
  let sent = 0;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-examples-'));
    receiver = await startReceiver((_request, response) => {
      response.writeHead(500).end('no space');
    });
    mkdirSync(join(dir, 'tenants'));
    const tenant = {
      tenant: TENANT,
      aggregates: {
        spent: { on: ['order.paid'], op: 'sum', value: 'event.data.amount', window: '30 days' },
      },
      rules: [
        {
          name: 'free_shipping',
          on: ['order.paid'],
          when: 'aggregates.spent >= 100 || profile.plan == "gold"',
        },
      ],
      subscriptions: [
        { name: 'crm', kind: 'push', url: receiver.url, retry: { schedule: [] } },
        { name: 'analytics', kind: 'pull' },
      ],
      sources: [
        {
          name: 'github',
          kind: 'webhook',
          verify: { kind: 'github', secret: 'env:HEADGATE_SECRET_ACME__GITHUB' },
        },
      ],
      routes: [
        { match: { type: 'order.paid' }, to: ['crm', 'analytics'] },
        { match: { type: 'order.sent' }, to: ['analytics'] },
      ],
    };
    writeFileSync(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(tenant));
    const node = spawnHeadgate(['start'], {
      ...(await nodeEnvironment(dir)),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      HEADGATE_SECRET_ACME__GITHUB: 'It is a secret to everybody',
      HEADGATE_BATCH_KEY: randomBytes(32).toString('base64'),
    });
    ({ url } = await node.ready());
  });
  after(async () => {
    await killAll();
    await receiver.stop();
    await rm(dir, { recursive: true, force: true });
  });

  interface Calling {
    readonly scope?: string;
    /** By an operator's token, not by the tenant's. */
    readonly operator?: boolean;
    readonly body?: unknown;
    readonly mediaType?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }

  async function call(method: string, path: string, calling: Calling = {}) {
    const { scope, operator = false, body, mediaType, headers } = calling;
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
    const holder = operator ? { role: 'operator' as const } : { tenant: TENANT };
    const token =
      scope && (await signToken(dir, { ...holder, scope, subject: 'ops@example.com', ...claims }));
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': mediaType ?? 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const contentType = response.headers.get('content-type');
    assertDocumented({ method, path, status: response.status, contentType, text });
    return { status: response.status, contentType, text };
  }

  /** For what prepares: by an admin's token, and what is answered well. */
  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await call(method, path, { scope: 'admin', body });
    assert.ok(status < 300, text);
    return JSON.parse(text) as T;
  }

  /** For what prepares as an operator: what is so already may be refused. */
  async function manage(method: string, path: string, body?: unknown): Promise<void> {
    const headers = { 'if-match': '*' };
    const created = method === 'PUT' && !path.includes('/subscriptions/') ? undefined : headers;
    await call(method, path, { scope: 'tenants:write', operator: true, body, headers: created });
  }

  /** The tenant that operators manage in the examples, with a subscription and a secret. */
  async function managed(): ReturnType<Preparation> {
    await manage('PUT', MANAGED, { config: { tenant: 'globex' }, keepData: true });
    await manage('PUT', `${MANAGED}/subscriptions/crm`, { subscription: { kind: 'pull' } });
    await manage('POST', `${MANAGED}/secrets`, { name: 'crm' });
    return {};
  }

  /** The same with a new source, and the number of its key. */
  async function sourced(): Promise<{ readonly params: Record<string, string> }> {
    await managed();
    await manage('DELETE', `${MANAGED}/sources/web`);
    const body = { name: 'web', allowedOrigins: ['https://shop.example'], eventTypes: ['track.*'] };
    const asked = { scope: 'tenants:write', operator: true, body };
    const { text } = await call('POST', `${MANAGED}/sources`, asked);
    const { keys } = JSON.parse(text) as { keys: { id: number }[] };
    return { params: { tenant: 'globex', name: 'web', id: String(keys[0]?.id) } };
  }

  async function send(type: string): Promise<void> {
    const event = { ...ATTRIBUTES, id: `more-${sent++}`, type, data: { amount: 1 } };
    await ask('POST', '/v1/events', event);
  }

  interface Waiting {
    readonly id: string;
    readonly batchId: string;
    readonly firstEvent: string;
  }

  /** A dead letter that waits: the one of the event of the examples, or of a new one. */
  async function deadLetter(of: 'order-1' | 'new' = 'new'): Promise<Waiting> {
    // Without it the breaker lets one try through in half a minute.
    await ask('POST', '/v1/subscriptions/crm/resume');
    if (of === 'new') await send('order.paid');
    return until(async () => {
      const { deadLetters } = await ask<{ deadLetters: Waiting[] }>(
        'GET',
        '/v1/dead-letters?subscription=crm',
      );
      const found = deadLetters.find(({ firstEvent }) => of === 'new' || firstEvent === of);
      assert.ok(found, 'none yet');
      return found;
    }, WITHIN_MS);
  }

  async function lease(): Promise<{ ackId: string }> {
    await send('order.sent');
    return until(async () => {
      const path = '/v1/subscriptions/analytics/pull';
      const { messages } = await ask<{ messages: { ackId: string }[] }>('POST', path, { maxMessages: 1 });
      assert.ok(messages[0], 'none yet');
      return messages[0];
    }, WITHIN_MS);
  }

  /** A redrive of many that has ended, and a replay that has. */
  async function ended(start: string, body: object, at: (id: string) => string): Promise<string> {
    const { id } = await ask<{ id: string }>('POST', start, body);
    await until(async () => {
      assert.equal((await ask<{ status: string }>('GET', at(id))).status, 'completed');
    }, WITHIN_MS);
    return id;
  }

  /** The batch of the event of the examples, once it is loaded and has been given up by a subscription. */
  async function loadedBatch(): Promise<string> {
    const { batchId } = await deadLetter('order-1');
    await until(async () => {
      const batch = await ask<{ load?: { loads: unknown[] }; deliveries?: { state: string }[] }>(
        'GET',
        `/v1/batches/${batchId}`,
      );
      assert.equal(batch.load?.loads.length, 2);
    }, WITHIN_MS);
    return batchId;
  }

  const redriven = async (): ReturnType<Preparation> => ({
    params: {
      id: await ended(
        '/v1/dead-letters/redrive',
        { filter: { subscription: 'none-of-this-name' } },
        (id) => `/v1/dead-letters/redrives/${id}`,
      ),
    },
  });
  const consumer = { name: 'analytics' };
  const leased = async () => ({ params: consumer, ackId: (await lease()).ackId });
  const DAY = { from: '2024-03-09', to: '2024-03-10', subscription: 'crm', dryRun: true };

  const PREPARATIONS: Readonly<Record<string, Preparation>> = {
    sendEvents: async () => {
      await ask('POST', '/v1/subscriptions/crm/resume');
      return {};
    },
    deleteTenant: managed,
    putTenantSubscription: async () => {
      await managed();
      await manage('DELETE', `${MANAGED}/subscriptions/crm`);
      return {};
    },
    deleteTenantSubscription: managed,
    listSecrets: managed,
    makeSecret: async () => {
      await managed();
      for (const name of ['crm', 'crm-api']) await manage('DELETE', `${MANAGED}/secrets/${name}`);
      return {};
    },
    rotateSecret: managed,
    revokeSecret: managed,
    listSources: sourced,
    createSource: async () => {
      await sourced();
      await manage('DELETE', `${MANAGED}/sources/web`);
      return {};
    },
    replaceSource: sourced,
    deleteSource: sourced,
    makeSourceKey: sourced,
    rotateSourceKeys: sourced,
    revokeSourceKey: sourced,
    getEvent: async () => {
      await loadedBatch();
      return {};
    },
    listEvents: async () => {
      await loadedBatch();
      return {};
    },
    getBatch: async () => ({ params: { id: await loadedBatch() } }),
    pull: () => Promise.resolve({ params: consumer }),
    ack: leased,
    nack: leased,
    modifyAckDeadline: leased,
    getStatus: async () => {
      await deadLetter();
      await ask('POST', '/v1/subscriptions/crm/resume');
      await until(async () => {
        const { problems } = await ask<{ problems: { kind: string; undelivered?: object }[] }>(
          'GET',
          '/v1/status',
        );
        assert.ok(problems.some(({ kind, undelivered }) => kind === 'failing' && !undelivered));
      }, WITHIN_MS);
      return {};
    },
    listDeadLetters: async () => {
      await deadLetter();
      return {};
    },
    getRedrive: redriven,
    cancelRedrive: redriven,
    getDeadLetter: async () => ({ params: { id: (await deadLetter()).id } }),
    redriveDeadLetter: async () => ({ params: { id: (await deadLetter()).id } }),
    discardDeadLetter: async () => ({ params: { id: (await deadLetter()).id } }),
    listReplays: async () => {
      await ended('/v1/replays', DAY, (id) => `/v1/replays/${id}`);
      return {};
    },
    getReplay: async () => ({
      params: { id: await ended('/v1/replays', DAY, (id) => `/v1/replays/${id}`) },
    }),
    cancelReplay: async () => {
      const slow = { subscription: 'crm', dryRun: true, eventsPerSecond: 1 };
      return { params: { id: (await ask<{ id: string }>('POST', '/v1/replays', slow)).id } };
    },
  };

  async function run(route: RouteShape, example: RouteExample): Promise<void> {
    const { params, ackId } = (await PREPARATIONS[route.id]?.()) ?? {};
    const query = example.query === undefined ? '' : `?${new URLSearchParams(example.query).toString()}`;
    const body = ackId === undefined ? example.body : withAckId(example.body, ackId);
    const { status, text } = await call(route.method, `${examplePath(route, params)}${query}`, {
      scope: route.scope,
      operator: route.audience === 'operator',
      body,
      mediaType: mediaTypeOf(example, route.body?.mediaTypes),
      headers: example.headers,
    });
    assert.equal(status, example.status ?? route.answer.status, text);
    if (example.answer === undefined) return;
    if (typeof example.answer === 'string') return assert.equal(text, example.answer);
    // An export has a line for each: the first is enough.
    const [json = ''] = route.answer.mediaType === 'application/x-ndjson' ? text.split('\n') : [text];
    assertLike(JSON.parse(json), example.answer, route.id);
  }

  // A tenant is created before it is there. Subscriptions are changed before anything is delivered to them; a subject has properties before it is decided about.
  // A dead letter is taken by itself before a redrive of all takes it.
  const alone = ['discardDeadLetter', 'redriveDeadLetter'];
  const first = (route: RouteShape): number =>
    Number(route.id === 'putTenant') * 4 +
    Number(route.tag === 'Subscriptions') * 2 +
    Number(route.id === 'sendUserProperties' || alone.includes(route.id));
  const ordered = [...ROUTES].sort((one, other) => first(other) - first(one));
  for (const route of ordered) {
    for (const example of route.examples)
      it(`${route.method} ${route.path}: ${example.summary}`, () => run(route, example));
  }
});

/** Every message but one that is meant to be unknown. */
function withAckId(body: unknown, ackId: string): unknown {
  const { ackIds, ...rest } = body as { ackIds: readonly string[] };
  return { ...rest, ackIds: ackIds.map((each) => (each === 'not-an-ack-id' ? each : ackId)) };
}

/** An answer has the members that its example has, of the same types; what is always the same is the same. */
function assertLike(actual: unknown, example: unknown, where: string): void {
  if (Array.isArray(example)) {
    assert.ok(Array.isArray(actual), where);
    for (const [index, each] of example.entries()) assertSomeLike(actual, each, `${where}[${index}]`);
  } else if (typeof example === 'object' && example !== null) {
    const [has, shown] = [actual as Record<string, unknown>, example as Record<string, unknown>];
    assert.deepEqual(Object.keys(has).sort(), Object.keys(shown).sort(), where);
    for (const [key, value] of Object.entries(shown)) {
      if (STABLE.has(key) && typeof value !== 'object') assert.deepEqual(has[key], value, `${where}.${key}`);
      else assertLike(has[key], value, `${where}.${key}`);
    }
  } else assert.equal(typeof actual, typeof example, where);
}

function assertSomeLike(actual: readonly unknown[], example: unknown, where: string): void {
  const reasons: string[] = [];
  for (const each of actual) {
    try {
      assertLike(each, example, where);
      return;
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  assert.fail(`${where}: nothing in ${JSON.stringify(actual)} is like it: ${reasons.join('; ')}`);
}

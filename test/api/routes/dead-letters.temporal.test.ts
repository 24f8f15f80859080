import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createResolveActivities } from '../../../src/activities/dead-letters/resolve.js';
import { createDeadLetters } from '../../../src/dead-letters/dead-letters.js';
import type { DeadLetterPage } from '../../../src/dead-letters/list.js';
import type { RedriveStatus } from '../../../src/dead-letters/redrives.js';
import type { DeadLetterDetail } from '../../../src/dead-letters/show.js';
import { LineSet } from '../../../src/events/line-set.js';
import { subscriptionAttributes } from '../../../src/tenants/search-attributes.js';
import { batchPath } from '../../../src/stores/batch-store/file.js';
import { deadLetterIdOf } from '../../../src/tenants/workflow-ids.js';
import type {
  DeadLetterInput,
  DeadLetterResult,
  PassInput,
} from '../../../src/workflows/messages/deliveries.js';
import type { ResolveInput } from '../../../src/workflows/messages/resolve.js';
import { ALL_SCOPES, startTestApi, type TestAnswer, type TestApi } from '../../support/api.js';
import { deadLetterEvents, type DeadLettered } from '../../support/dead-letters.js';
import { startPipeline, type Pipeline } from '../../support/pipeline.js';
import { testNamespace, uiPage } from '../../support/temporal.js';
import { until } from '../../support/until.js';

const TENANTS = [
  'dead-list',
  'dead-page',
  'dead-one',
  'dead-many',
  'dead-stop',
  'dead-a',
  'dead-b',
  'dead-out',
  'dead-again',
];
const SUBSCRIPTIONS = ['crm', 'bi'].map((name) => ({
  name,
  kind: 'push',
  url: `https://${name}.example/hooks`,
}));
const SEEN_WITHIN_MS = 10_000;

describe('/v1/dead-letters', function () {
  this.timeout(120_000);
  let pipeline: Pipeline;
  let api: TestApi;
  let passes: PassInput[];
  let reads = 0;

  before(async () => {
    const config = { subscriptions: SUBSCRIPTIONS, routes: [] };
    pipeline = await startPipeline(Object.fromEntries(TENANTS.map((tenant) => [tenant, config])));
    const { client, stores } = pipeline;
    const read: typeof stores.batchStore.read = (ref) => (reads++, stores.batchStore.read(ref));
    const deadLetters = createDeadLetters({
      client,
      namespace: testNamespace(),
      uiUrl: 'http://127.0.0.1:1',
      batchStore: { read },
      deliveryLog: stores.deliveryLog,
      isolationOf: () => 'pooled',
    });
    const tenants = Object.fromEntries(TENANTS.map((tenant) => [tenant, 'active' as const]));
    api = await startTestApi({ tenants, deadLetters });
  });
  after(async () => {
    await api?.close();
    await pipeline?.stop();
    assert.deepEqual(api.faults, []);
  });
  beforeEach(() => {
    passes = [];
    pipeline.replaced.pushPass = (input) => {
      passes.push(input);
      const delivered = input.pending.reduce((sum, { count }) => sum + count, 0);
      return Promise.resolve({ delivered, failed: 0, pending: [], dead: [] });
    };
  });
  afterEach(() => {
    for (const name of Object.keys(pipeline.replaced) as (keyof typeof pipeline.replaced)[])
      delete pipeline.replaced[name];
  });

  const tokenOf = (tenant: string, subject = 'ops@example.com'): Promise<string> =>
    api.token({ tenant, subject, scope: ALL_SCOPES });

  async function get<T>(tenant: string, path: string): Promise<TestAnswer & { json: T }> {
    const answer = await api.get(`/v1/dead-letters${path}`, await tokenOf(tenant));
    return { ...answer, json: answer.body as unknown as T };
  }

  async function post<T>(
    tenant: string,
    path: string,
    body?: unknown,
    subject?: string,
  ): Promise<TestAnswer & { json: T }> {
    const token = await tokenOf(tenant, subject);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await api.post(text, { path: `/v1/dead-letters${path}`, token });
    return { ...answer, json: answer.body as unknown as T };
  }

  async function idsOf(tenant: string, query = ''): Promise<string[]> {
    const { status, body, json } = await get<DeadLetterPage>(tenant, query);
    assert.equal(status, 200, JSON.stringify(body));
    return json.deadLetters.map(({ id }) => id).sort();
  }

  /** Waits until visibility, which lags behind, shows so many. */
  const waiting = (tenant: string, count: number): Promise<void> =>
    until(async () => assert.equal((await idsOf(tenant, '?limit=200')).length, count), SEEN_WITHIN_MS);

  async function ended(tenant: string, id: string, withinMs = 60_000): Promise<RedriveStatus> {
    return until(async () => {
      const { json } = await get<RedriveStatus>(tenant, `/redrives/${id}`);
      assert.notEqual(json.status, 'running', JSON.stringify(json));
      return json;
    }, withinMs);
  }

  describe('list', () => {
    let all: DeadLettered[];
    let halfway: string;

    before(async () => {
      const tenant = 'dead-list';
      const first = await deadLetterEvents(pipeline, tenant, { type: 'booking.made' });
      await new Promise((resolve) => setTimeout(resolve, 5));
      halfway = new Date().toISOString();
      await new Promise((resolve) => setTimeout(resolve, 5));
      const rest = [
        await deadLetterEvents(pipeline, tenant, { subscription: 'bi', type: 'booking.changed', events: 3 }),
        await deadLetterEvents(pipeline, tenant, { reason: 'loop', detail: 'round and round' }),
        await deadLetterEvents(pipeline, tenant, { reason: 'loop', subscription: 'bi' }),
      ];
      all = [first, ...rest];
      await waiting(tenant, 4);
    });

    const of = (...places: number[]): string[] => places.map((n) => all[n]!.id).sort();

    it('shows what is dead-lettered, with its workflow and its page in the UI', async () => {
      const { json } = await get<DeadLetterPage>('dead-list', '?subscription=crm&reason=loop');
      const [{ url, parkedAt, expiresAt, ...rest }] = json.deadLetters as [DeadLetterPage['deadLetters'][0]];
      assert.match(url ?? '', uiPage('dead-letter%2Fdead-list%2F'));
      assert.ok(Date.parse(parkedAt) < Date.parse(expiresAt));
      const { id, workflowId, batchId, eventIds } = all[2]!;
      assert.deepEqual(rest, {
        id,
        workflowId,
        subscription: 'crm',
        kind: 'push',
        reason: 'loop',
        detail: 'round and round',
        attempts: 10,
        count: 1,
        stream: 'events',
        batchId,
        types: ['flight.arrived'],
        firstEvent: eventIds[0],
        lastEvent: eventIds[0],
      });
      assert.equal(id, `crm~${batchId}~loop.10`);
    });

    it('finds by subscription, reason, type and time', async () => {
      const asked = async (query: string): Promise<string[]> => idsOf('dead-list', `?${query}`);
      assert.deepEqual(await asked('subscription=bi'), of(1, 3));
      assert.deepEqual(await asked('reason=loop'), of(2, 3));
      assert.deepEqual(await asked('reason=loop&subscription=bi'), of(3));
      assert.deepEqual(await asked('type=booking.made'), of(0));
      assert.deepEqual(await asked('type=booking.*'), of(0, 1));
      assert.deepEqual(await asked('type=*'), of(0, 1, 2, 3));
      assert.deepEqual(await asked(`to=${halfway}`), of(0));
      assert.deepEqual(await asked(`from=${halfway}`), of(1, 2, 3));
      assert.deepEqual(await asked('subscription=other'), []);
    });

    for (const query of [
      'subscription=crm%22%20OR%20HeadgateTenant%20%3D%20%22dead-a',
      'reason=bad-luck',
      'type=a*b',
      'type=',
      'from=yesterday',
      'to=2024-99-10T00:00:00Z',
      'limit=0',
      'limit=201',
      'limit=1&limit=2',
      'colour=red',
      'tenant=dead-a',
    ]) {
      it(`refuses ?${query.slice(0, 40)}`, async () => {
        const { status, body } = await get('dead-list', `?${query}`);
        assert.deepEqual([status, body.code], [400, 'PARAMETER_INVALID'], JSON.stringify(body));
      });
    }
  });

  it('pages through all of them, each once, also where few match', async () => {
    const tenant = 'dead-page';
    for (let n = 0; n < 9; n++)
      await deadLetterEvents(pipeline, tenant, {
        subscription: n % 2 ? 'bi' : 'crm',
        type: n === 0 ? 'rare' : 'usual',
      });
    await waiting(tenant, 9);
    const walk = async (query: string): Promise<string[]> => {
      const ids: string[] = [];
      for (let token: string | undefined, first = true; first || token !== undefined; first = false) {
        const next: string = token === undefined ? '' : `&pageToken=${token}`;
        const { json } = await get<DeadLetterPage>(tenant, `?${query}${next}`);
        assert.ok(json.deadLetters.length <= 2);
        ids.push(...json.deadLetters.map(({ id }) => id));
        token = json.nextPageToken;
      }
      return ids.sort();
    };
    assert.deepEqual(await walk('limit=2'), await idsOf(tenant));
    assert.deepEqual(await walk('limit=1&type=rare'), await idsOf(tenant, '?type=rare'));
    assert.equal((await walk('limit=1&type=rare')).length, 1);
  });

  it('goes on with a page token for the same tenant and filter alone', async () => {
    for (const tenant of ['dead-a', 'dead-b'])
      for (let n = 0; n < 2; n++) await deadLetterEvents(pipeline, tenant);
    await waiting('dead-a', 2);
    await waiting('dead-b', 2);
    const { json } = await get<DeadLetterPage>('dead-a', '?limit=1');
    const token = json.nextPageToken ?? '';
    const bytes = Buffer.from(token, 'base64url');
    bytes[20]! ^= 1;
    const forged = Buffer.from(JSON.stringify({ StartTime: '2020-01-01T00:00:00Z', RunID: '0' }));
    for (const [tenant, query] of [
      ['dead-b', `limit=1&pageToken=${token}`],
      ['dead-a', `limit=1&subscription=crm&pageToken=${token}`],
      ['dead-a', `limit=1&pageToken=${bytes.toString('base64url')}`],
      ['dead-a', `limit=1&pageToken=${forged.toString('base64url')}`],
      ['dead-a', 'limit=1&pageToken=x'],
      ['dead-a', `limit=1&pageToken=${'A'.repeat(1_999)}`],
    ] as const) {
      const answer = await get(tenant, `?${query}`);
      assert.deepEqual([answer.status, answer.body.code], [400, 'PAGE_TOKEN_INVALID'], query);
    }
    assert.equal((await get('dead-a', `?limit=1&pageToken=${token}`)).status, 200);
  });

  describe('one', () => {
    it('shows its events in pages, each with its attempts', async () => {
      const deadLettered = await deadLetterEvents(pipeline, 'dead-one', { events: 5, lines: [1, 2, 4] });
      const { batchId } = deadLettered;
      const name = { tenant: 'dead-one', subscription: 'crm', batchId, stream: 'events' } as const;
      const failed = { outcome: 'failed', at: '2024-03-10T12:00:00Z', status: 500 } as const;
      const entry = (line: number, attempt: number) => ({
        ...failed,
        line,
        attempt,
        event: `${batchId}-${line}`,
        response: `no ${line}`,
      });
      await pipeline.stores.deliveryLog.write(name, 1, [entry(0, 1), entry(1, 1), entry(2, 1)]);
      await pipeline.stores.deliveryLog.write(name, 2, [entry(1, 2)]);
      const { json } = await get<DeadLetterDetail>('dead-one', `/${deadLettered.id}?limit=2`);
      assert.deepEqual(
        [json.status, json.count, json.eventsTotal, json.resolution],
        ['dead-letter', 3, 3, undefined],
      );
      assert.deepEqual(
        json.events.map(({ line, event, attempts }) => [
          line,
          event?.id,
          ...attempts.map(({ pass, attempt, status, response }) => [pass, attempt, status, response]),
        ]),
        [
          [1, deadLettered.eventIds[0], [1, 1, 500, 'no 1'], [2, 2, 500, 'no 1']],
          [2, deadLettered.eventIds[1], [1, 1, 500, 'no 2']],
        ],
      );
      assert.equal(json.events[0]?.event?.extensions?.hops, 1);
      const rest = await get<DeadLetterDetail>('dead-one', `/${deadLettered.id}?eventsFrom=2`);
      assert.deepEqual(
        rest.json.events.map(({ event, attempts }) => [event?.id, attempts]),
        [[deadLettered.eventIds[2], []]],
      );
    });

    it('shows what is known of one whose file is gone, and exports that', async () => {
      const deadLettered = await deadLetterEvents(pipeline, 'dead-one', {
        subscription: 'bi',
        reason: 'expired',
      });
      const name = { tenant: 'dead-one', stream: 'events', batchId: deadLettered.batchId } as const;
      await rm(batchPath(pipeline.stores.paths.batches, name));
      const { status, json } = await get<DeadLetterDetail>('dead-one', `/${deadLettered.id}`);
      assert.deepEqual([status, json.events, json.eventsTotal], [200, [], 1]);
      assert.match(json.eventsUnreadable ?? '', /is gone/);
      await until(
        async () => assert.equal((await idsOf('dead-one', '?reason=expired')).length, 1),
        SEEN_WITHIN_MS,
      );
      const [line, ...more] = (await exported('dead-one', '?reason=expired')).lines;
      assert.deepEqual([line?.deadLetter, line?.event, more], [deadLettered.id, null, []]);
      assert.match(line?.unreadable ?? '', /is gone/);
    });

    it('is dead-lettered and shown also when its file is damaged', async () => {
      const { activities, stores } = pipeline;
      const deadLettered = await deadLetterEvents(pipeline, 'dead-one');
      const { batchId } = deadLettered;
      await writeFile(
        batchPath(stores.paths.batches, { tenant: 'dead-one', stream: 'events', batchId }),
        'garbage',
      );
      const input = await inputOfWorkflow<DeadLetterInput>(deadLettered.workflowId);
      const workflowId = await activities.park({ ...input, passes: 11 });
      const id = deadLetterIdOf('dead-one', workflowId) ?? '';
      const { json } = await get<DeadLetterDetail>('dead-one', `/${id}`);
      assert.deepEqual([json.types, json.events], [[], []]);
      assert.match(json.eventsUnreadable ?? '', /does not have the hash/);
    });

    it('is redriven once, says by whom, behind live traffic; the same request again gets the same answer', async () => {
      const deadLettered = await deadLetterEvents(pipeline, 'dead-one', { events: 3, lines: [0, 2] });
      const redrive = (subject?: string) =>
        post<{ outcome: string; by: object }>(
          'dead-one',
          `/${deadLettered.id}/redrive`,
          { reason: 'fixed' },
          subject,
        );
      const first = await redrive();
      assert.equal(first.status, 202);
      const by = { actor: 'ops@example.com', reason: 'fixed' };
      assert.deepEqual([first.json.outcome, first.json.by], ['redriven', by]);
      const result = (await pipeline.client.workflow
        .getHandle(deadLettered.workflowId)
        .result()) as DeadLetterResult;
      assert.deepEqual([result.by, result.delivery?.delivered], [by, 2]);
      assert.deepEqual(
        passes.map(({ pending }) => [...LineSet.decode(pending[0]?.lines, 3)]),
        [[0, 2]],
      );
      const delivery = pipeline.client.workflow.list({
        query: `WorkflowType = "deliver" AND HeadgateTenant = "dead-one"`,
      });
      await until(async () => {
        const ids: string[] = [];
        for await (const { workflowId } of delivery) ids.push(workflowId);
        assert.ok(
          ids.some((id) => id.startsWith(`deliver/dead-one/crm/${deadLettered.batchId}/low/redrive-`)),
          ids.join(),
        );
      }, SEEN_WITHIN_MS);

      assert.deepEqual((await redrive()).json, first.json);
      for (const other of [
        await redrive('somebody@example.com'),
        await post('dead-one', `/${deadLettered.id}/discard`, { reason: 'fixed' }),
      ]) {
        assert.deepEqual([other.status, other.body.code], [409, 'DEAD_LETTER_RESOLVED']);
        assert.deepEqual((other.body as unknown as { by: object }).by, by);
      }
      const { json } = await get<DeadLetterDetail>('dead-one', `/${deadLettered.id}`);
      assert.deepEqual([json.status, json.resolution?.by], ['redriven', by]);
    });

    it('while its events are delivered again, it says so', async () => {
      const deadLettered = await deadLetterEvents(pipeline, 'dead-one', { priority: 'high' });
      let deliver = (): void => undefined;
      const held = new Promise<void>((resolve) => (deliver = resolve));
      pipeline.replaced.pushPass = async () => {
        await held;
        return { delivered: 1, failed: 0, pending: [], dead: [] };
      };
      assert.equal((await post('dead-one', `/${deadLettered.id}/redrive`)).status, 202);
      const { json } = await get<DeadLetterDetail>('dead-one', `/${deadLettered.id}`);
      assert.deepEqual([json.status, json.resolution?.by?.actor], ['redriven', 'ops@example.com']);
      assert.equal((await post('dead-one', `/${deadLettered.id}/redrive`)).status, 202);
      assert.equal((await post('dead-one', `/${deadLettered.id}/discard`, { reason: 'no' })).status, 409);
      deliver();
      await pipeline.client.workflow.getHandle(deadLettered.workflowId).result();
    });

    it('is discarded with a reason, and not without', async () => {
      const deadLettered = await deadLetterEvents(pipeline, 'dead-one');
      for (const body of [undefined, {}, { reason: '' }, { reason: 5 }, { reason: 'a', actor: 'root' }]) {
        const refused = await post('dead-one', `/${deadLettered.id}/discard`, body);
        assert.deepEqual([refused.status, refused.body.code], [400, 'BODY_MALFORMED'], JSON.stringify(body));
      }
      assert.equal((await post('dead-one', `/${deadLettered.id}/discard`, { reason: 'a test' })).status, 202);
      const result = await pipeline.client.workflow.getHandle(deadLettered.workflowId).result();
      assert.deepEqual(result, { outcome: 'discarded', by: { actor: 'ops@example.com', reason: 'a test' } });
      assert.deepEqual(passes, []);
    });

    it('that was ended by hand is neither redriven nor listed', async () => {
      const deadLettered = await deadLetterEvents(pipeline, 'dead-one', { reason: 'undeliverable' });
      await pipeline.client.workflow.getHandle(deadLettered.workflowId).terminate('a test');
      const { status, body } = await post('dead-one', `/${deadLettered.id}/redrive`);
      assert.deepEqual([status, body.code], [409, 'DEAD_LETTER_RESOLVED']);
      await until(
        async () => assert.deepEqual(await idsOf('dead-one', '?reason=undeliverable'), []),
        SEEN_WITHIN_MS,
      );
    });
  });

  describe("another tenant's", () => {
    it('can neither be seen, nor redriven, nor discarded, nor exported', async () => {
      const deadLettered = await deadLetterEvents(pipeline, 'dead-a', { type: 'secret' });
      for (const answer of [
        await get('dead-b', `/${deadLettered.id}`),
        await post('dead-b', `/${deadLettered.id}/redrive`),
        await post('dead-b', `/${deadLettered.id}/discard`, { reason: 'spite' }),
      ]) {
        assert.deepEqual([answer.status, answer.body.code], [404, 'NOT_FOUND']);
      }
      await until(
        async () => assert.equal((await idsOf('dead-a', '?type=secret')).length, 1),
        SEEN_WITHIN_MS,
      );
      assert.deepEqual(await idsOf('dead-b', '?type=secret'), []);
      assert.deepEqual((await exported('dead-b', '?type=secret')).lines, []);
      const { json } = await post<RedriveStatus>('dead-a', '/discard', {
        filter: { type: 'none' },
        reason: 'x',
      });
      for (const answer of [
        await get('dead-b', `/redrives/${json.id}`),
        await post('dead-b', `/redrives/${json.id}/cancel`),
      ]) {
        assert.equal(answer.status, 404);
      }
      await ended('dead-a', json.id);
      assert.equal((await get<DeadLetterDetail>('dead-a', `/${deadLettered.id}`)).json.status, 'dead-letter');
    });

    it('is not reached through a workflow that claims to be a dead letter of the asking one', async () => {
      const { client } = pipeline;
      const victim = await deadLetterEvents(pipeline, 'dead-a');
      const input = await inputOfWorkflow(victim.workflowId);
      const start = (workflowId: string, tenant: string) =>
        client.workflow.start('deadLetter', {
          workflowId,
          taskQueue: 'nobody-listens',
          args: [input],
          memo: { ...input.memo },
          typedSearchAttributes: subscriptionAttributes(tenant, 'crm', 'events', 'dead-letter'),
        });
      const day = victim.batchId;
      // Its id is the asking tenant's, and its events are not; its search attribute is another's; its id is.
      const forgeries = [
        await start(`dead-letter/dead-b/crm/${day}/loop.1`, 'dead-b'),
        await start(`dead-letter/dead-b/crm/${day}/loop.2`, 'dead-a'),
        await start(`dead-letter/dead-a/crm/${day}/loop.3`, 'dead-b'),
      ];
      for (const n of [1, 2, 3])
        assert.equal((await get('dead-b', `/crm~${day}~loop.${n}`)).status, 404, `forgery ${n}`);
      await Promise.all(forgeries.map((each) => each.terminate()));
    });

    for (const id of [
      'x',
      '..%2f..%2fdead-a',
      '%00',
      '~~',
      'crm~..~..',
      `crm%2F..%2F..`,
      'A~b',
      '%E0%A4%A',
    ]) {
      it(`/${id} is no dead letter`, async () => {
        assert.equal((await get('dead-b', `/${id}`)).status, 404);
        assert.equal((await post('dead-b', `/${id}/redrive`)).status, 404);
        assert.equal((await get('dead-b', `/redrives/${id}`)).status, 404);
        assert.equal((await post('dead-b', `/redrives/${id}/cancel`)).status, 404);
      });
    }
  });

  describe('many', () => {
    for (const [verb, body] of [
      ['redrive', undefined],
      ['redrive', {}],
      ['redrive', { filter: {}, eventsPerSecond: 0 }],
      ['redrive', { filter: {}, eventsPerSecond: 1.5 }],
      ['redrive', { filter: { colour: 'red' } }],
      ['redrive', { filter: { from: 'then' } }],
      ['redrive', { filter: {}, tenant: 'dead-a' }],
      ['discard', { filter: {} }],
      ['discard', []],
    ] as const) {
      it(`refuses POST ${verb} ${JSON.stringify(body)}`, async () => {
        const { status, body: problem } = await post('dead-stop', `/${verb}`, body);
        assert.deepEqual([status, problem.code], [400, 'BODY_MALFORMED']);
      });
    }

    it('lets one go at a time where the rate asks for it, and is cancelled between two', async () => {
      const tenant = 'dead-stop';
      for (let n = 0; n < 4; n++) await deadLetterEvents(pipeline, tenant, { events: 100 });
      await waiting(tenant, 4);
      const request = { filter: { subscription: 'crm' }, eventsPerSecond: 1, reason: 'slowly' };
      const { status, json } = await post<RedriveStatus>(tenant, '/redrive', request);
      assert.equal(status, 202);
      assert.match(json.workflowId, /^redrive\/dead-stop\/[0-9a-f-]{36}$/);
      const first = { matched: 4, matchedEvents: 400, done: 1, events: 100, left: 3 };
      await until(async () => {
        const { progress } = (await get<RedriveStatus>(tenant, `/redrives/${json.id}`)).json;
        assert.deepEqual(progress, first);
      }, SEEN_WITHIN_MS);
      await waiting(tenant, 3);
      assert.equal((await post(tenant, `/redrives/${json.id}/cancel`)).status, 202);
      const { status: how, progress } = await ended(tenant, json.id);
      assert.deepEqual([how, progress], ['cancelled', first]);
      await waiting(tenant, 3);
      // What is let go is delivered by a workflow of its own, which may come later.
      await until(() => assert.equal(passes.length, 1), SEEN_WITHIN_MS);
      assert.equal((await post(tenant, `/redrives/${json.id}/cancel`)).status, 202, 'cancelled already');

      const discard = { filter: {}, eventsPerSecond: 100_000, reason: 'over' };
      const given = await post<RedriveStatus>(tenant, '/discard', discard);
      assert.equal((await ended(tenant, given.json.id)).progress?.done, 3);
      await waiting(tenant, 0);
      assert.equal(passes.length, 1);
    });

    it('starts the same once, however often it is asked for, and four at once', async () => {
      const tenant = 'dead-again';
      await deadLetterEvents(pipeline, tenant, { events: 1 });
      await waiting(tenant, 1);
      const slowly = { eventsPerSecond: 1 };
      let end = (): void => undefined;
      const held = new Promise<void>((resolve) => (end = resolve));
      pipeline.replaced.findDeadLetters = () => held.then(() => Promise.reject(new Error('a test ends it')));
      const same = { filter: { subscription: 'crm' }, ...slowly };
      const asked = await Promise.all(
        Array.from({ length: 6 }, () => post<RedriveStatus>(tenant, '/redrive', same)),
      );
      assert.deepEqual([...new Set(asked.map(({ status }) => status))], [202]);
      assert.equal(new Set(asked.map(({ json }) => json.id)).size, 1, 'all have the same id');
      const statuses: number[] = [];
      const ids = [asked[0]!.json.id];
      for (let n = 2; n <= 8; n++) {
        const { status, json } = await post<RedriveStatus>(tenant, '/redrive', {
          filter: { subscription: 'crm' },
          eventsPerSecond: n,
        });
        statuses.push(status);
        if (status === 202) ids.push(json.id);
        else assert.equal((json as unknown as { code: string }).code, 'TENANT_IN_FLIGHT_FULL');
      }
      assert.deepEqual(statuses, [202, 202, 202, 429, 429, 429, 429]);
      for (const id of ids) await pipeline.client.workflow.getHandle(`redrive/${tenant}/${id}`).terminate();
      end();
    });

    it('lists, filters and redrives 100,000 dead events, each delivered once', async () => {
      const tenant = 'dead-many';
      const events = 2_500;
      const letters: DeadLettered[] = [];
      for (let n = 0; n < 42; n++) {
        const type = n < 2 ? 'booking.made' : 'flight.arrived';
        letters.push(await deadLetterEvents(pipeline, tenant, { events, type }));
      }
      await waiting(tenant, 42);
      assert.equal((await idsOf(tenant, '?type=booking.*')).length, 2);

      // Pages smaller than the whole, and an attempt whose answer is lost: nothing is let go twice for it.
      const { findDeadLetters } = createResolveActivities({ client: pipeline.client, pageSize: 9 });
      pipeline.replaced.findDeadLetters = findDeadLetters;
      let lost = 0;
      pipeline.replaced.signalDeadLetters = async (input) => {
        await pipeline.activities.signalDeadLetters(input);
        if (lost++ === 1) throw new Error('a test loses this answer');
      };
      const request = { filter: { type: 'flight.*' }, eventsPerSecond: 100_000, reason: 'fixed' };
      const { json } = await post<RedriveStatus>(tenant, '/redrive', request);
      const { status, progress } = await ended(tenant, json.id, 90_000);
      assert.equal(status, 'completed');
      const counts = { matched: 40, matchedEvents: 100_000, done: 40, events: 100_000, left: 0 };
      assert.deepEqual(progress, counts);
      const results = (await Promise.all(
        letters.slice(2).map(({ workflowId }) => pipeline.client.workflow.getHandle(workflowId).result()),
      )) as DeadLetterResult[];
      assert.deepEqual(
        new Set(results.map(({ by }) => JSON.stringify(by))),
        new Set([JSON.stringify({ actor: 'ops@example.com', reason: 'fixed', redrive: json.workflowId })]),
      );
      const delivered = passes.flatMap(({ batch, pending }) =>
        [...LineSet.decode(pending[0]?.lines, batch.events)].map((line) => `${batch.batchId}-${line}`),
      );
      assert.equal(delivered.length, 100_000);
      assert.deepEqual(new Set(delivered), new Set(letters.slice(2).flatMap(({ eventIds }) => eventIds)));
      await waiting(tenant, 2);
      const input = await inputOfWorkflow<ResolveInput>(json.workflowId);
      assert.deepEqual(input.by, { actor: 'ops@example.com', reason: 'fixed' });
    });
  });

  interface ExportedLine {
    readonly deadLetter: string;
    readonly event: { readonly id: string } | null;
    readonly unreadable?: string;
  }

  async function exported(
    tenant: string,
    query = '',
  ): Promise<{ type: string | null; lines: ExportedLine[] }> {
    const headers = { authorization: `Bearer ${await tokenOf(tenant)}` };
    const response = await fetch(`${api.url}/v1/dead-letters/export${query}`, { headers });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    const lines = text.split('\n').slice(0, -1);
    return {
      type: response.headers.get('content-type'),
      lines: lines.map((line) => JSON.parse(line) as ExportedLine),
    };
  }

  describe('export', () => {
    let letters: DeadLettered[];
    const tenant = 'dead-out';

    before(async () => {
      letters = [];
      // More than connections have room for.
      const detail = 'no '.repeat(700);
      for (let n = 0; n < 12; n++)
        letters.push(
          await deadLetterEvents(pipeline, tenant, {
            events: 2_000,
            detail,
            subscription: n === 0 ? 'bi' : 'crm',
          }),
        );
      letters.push(await deadLetterEvents(pipeline, tenant, { reason: 'loop', events: 3, lines: [0, 2] }));
      await waiting(tenant, 13);
    });

    it('is NDJSON of every event, and of why it is dead', async () => {
      const { type, lines } = await exported(tenant);
      assert.equal(type, 'application/x-ndjson');
      assert.deepEqual(
        new Set(lines.map(({ deadLetter, event }) => `${deadLetter} ${event?.id}`)),
        new Set(letters.flatMap(({ id, eventIds }) => eventIds.map((event) => `${id} ${event}`))),
      );
      assert.equal(lines.length, 24_002);
      const [first, ...rest] = (await exported(tenant, '?reason=loop')).lines;
      const { event, ...about } = first!;
      assert.deepEqual(about, {
        deadLetter: letters[12]!.id,
        reason: 'loop',
        detail: 'HTTP 500 Internal Server Error',
        subscription: 'crm',
        attempts: 10,
      });
      assert.deepEqual([event?.id, ...rest.map((each) => each.event?.id)], letters[12]!.eventIds);
    });

    it('cuts an export whose reader takes nothing, and gives its place to another', async () => {
      const tenant = 'dead-out';
      const { client, stores } = pipeline;
      const own = await startTestApi({
        tenants: { [tenant]: 'active' },
        exportPace: { graceMs: 2_000, minBytesPerSecond: 1_000_000_000 },
        deadLetters: createDeadLetters({
          client,
          namespace: testNamespace(),
          batchStore: stores.batchStore,
          deliveryLog: stores.deliveryLog,
          isolationOf: () => 'pooled' as const,
        }),
      });
      const { port } = new URL(own.url);
      const authorization = `Bearer ${await own.token({ tenant })}`;
      const head = `GET /v1/dead-letters/export HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`;
      for (let n = 0; n < 2; n++) {
        const reader = connect(Number(port), '127.0.0.1').on('error', () => undefined);
        reader.write(head);
        const [answer] = (await once(reader, 'data')) as [Buffer];
        reader.pause();
        assert.match(answer.toString(), /^HTTP\/1.1 200 /);
      }
      const becomes = (expected: number) =>
        until(async () => {
          const path = `${own.url}/v1/dead-letters/export?reason=loop`;
          const answer = await fetch(path, { headers: { authorization } });
          await answer.text();
          assert.equal(answer.status, expected);
        }, SEEN_WITHIN_MS);
      await becomes(429);
      await becomes(200);
      await own.close();
    });

    it('reads no further than its reader does, and two at a time', async () => {
      const headers = { authorization: `Bearer ${await tokenOf(tenant)}` };
      const aborts = [new AbortController(), new AbortController()];
      const open = (signal?: AbortSignal): Promise<Response> =>
        fetch(`${api.url}/v1/dead-letters/export?reason=attempts-exhausted`, { headers, signal });
      reads = 0;
      const opened = await Promise.all(aborts.map(({ signal }) => open(signal)));
      for (const { body } of opened) await body!.getReader().read();
      const third = await open();
      assert.deepEqual(
        [third.status, ((await third.json()) as { code: string }).code],
        [429, 'TENANT_IN_FLIGHT_FULL'],
      );
      assert.ok(third.headers.get('retry-after'));
      assert.ok(reads < 24, `all of ${reads} batches were read, and nobody takes them`);
      for (const each of aborts) each.abort();
      await until(async () => {
        const next = await open();
        await next.body?.cancel();
        assert.equal(next.status, 200);
      }, SEEN_WITHIN_MS);
    });
  });

  async function inputOfWorkflow<T = { memo?: object }>(workflowId: string): Promise<T> {
    const { events } = await pipeline.client.workflow.getHandle(workflowId).fetchHistory();
    const data = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
    return JSON.parse(Buffer.from(data ?? []).toString('utf8')) as T;
  }
});

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import {
  skipWithoutCollector,
  startCollector,
  type OtelCollector,
  type ReceivedSpan,
} from '../support/otel-collector.js';
import { startReceiver, type ReceivedRequest, type Receiver } from '../support/receiver.js';
import { until } from '../support/until.js';

const WITHIN_MS = 60_000;
const ISSUED = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
/** What a producer calls its span. */
const PRODUCER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const NOT_WANTED = '1af7651916cd43dd8448eb211c80319c';
/** Data that is nobody's but the tenant's. */
const PRIVATE = 'private-8f1c';

describe('traces, as an OpenTelemetry collector has them', function () {
  this.timeout(120_000);
  let dir: string;
  let collector: OtelCollector;
  let receiver: Receiver;
  const received: ReceivedRequest[] = [];
  let url: string;
  let token: string;

  before(async function () {
    skipWithoutCollector(this);
    dir = await mkdtemp(join(tmpdir(), 'headgate-traces-'));
    collector = await startCollector(dir);
    receiver = await startReceiver((request) => {
      received.push(request);
      // The first attempt fails: the second is in the same trace.
      return received.length === 1 ? { status: 500, body: PRIVATE } : 204;
    });
    await mkdir(join(dir, 'given'));
    const push = { kind: 'push', url: receiver.url, retry: { schedule: ['1s', '1s'] } };
    const tenant = {
      tenant: 'acme',
      warehouse: { window: '1s' },
      batch: { linger: '500ms' },
      subscriptions: [
        { name: 'crm', ...push },
        { name: 'lists', ...push, format: 'batch' },
      ],
      routes: [
        { match: { type: 'order.paid' }, to: ['crm'] },
        { match: { type: 'order.listed' }, to: ['lists'] },
      ],
    };
    await writeFile(join(dir, 'given', 'acme.yaml'), JSON.stringify(tenant));
    const env = {
      ...(await nodeEnvironment(dir)),
      HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_SERVICE_NAME: 'headgate-test',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    };
    ({ url } = await spawnHeadgate(['start', '--tenants', join(dir, 'given')], env).ready());
    token = await signToken(dir, { tenant: 'acme', scope: 'admin', ...ISSUED });
  });
  after(async () => {
    await killAll();
    await receiver?.down();
    await collector?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  async function send(events: readonly object[], headers: Readonly<Record<string, string>>): Promise<void> {
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(events),
    });
    assert.equal(response.status, 202, await response.text());
  }

  const event = (id: string, more: object = {}) => ({
    specversion: '1.0',
    id,
    source: '/shop',
    type: 'order.paid',
    data: { note: PRIVATE },
    ...more,
  });

  /** The spans of a trace, once all of those names are there. */
  const spansOf = (traceId: string, names: readonly string[]) =>
    until(() => {
      const spans = collector.spans().filter((span) => span.traceId === traceId);
      for (const name of names) named(spans, name);
      return spans;
    }, WITHIN_MS);

  function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
    const found = spans.find((span) => span.name === name);
    assert.ok(found, `no ${name} among ${spans.map((span) => span.name).join(', ')}`);
    return found;
  }

  it('lead from a request through batch and workflows to the load and the receiver, and back', async () => {
    const state = 'vendor=1';
    await Promise.all([
      send([event('paid-1')], {
        traceparent: `00-${PRODUCER.traceId}-${PRODUCER.spanId}-01`,
        tracestate: state,
      }),
      send([event('paid-2')], { traceparent: `00-${NOT_WANTED}-${PRODUCER.spanId}-00` }),
    ]);

    // The request's own trace: the producer's.
    const own = await spansOf(PRODUCER.traceId, ['POST /v1/events', 'start batch', 'POST']);
    const request = named(own, 'POST /v1/events');
    assert.equal(request.parentSpanId, PRODUCER.spanId);
    assert.equal(request.attributes['headgate.tenant'], 'acme');
    assert.equal(request.attributes['headgate.events.accepted'], '1');
    assert.equal(request.resource['service.name'], 'headgate-test');
    const batched = named(own, 'start batch');
    assert.equal(batched.parentSpanId, request.spanId);

    // The batch's trace, by the link, and back from there.
    const [link] = batched.links;
    const names = [
      'StartWorkflow:ingestBatch',
      'RunWorkflow:ingestBatch',
      'RunActivity:announce',
      'RunActivity:startDeliveries',
      'StartWorkflow:deliver',
      'RunWorkflow:deliver',
      'RunActivity:pushPass',
      'load batches',
    ];
    const batch = await spansOf(link!.traceId, names);
    const start = named(batch, 'start batch');
    assert.equal(start.spanId, link!.spanId);
    assert.ok(start.links.some(({ spanId }) => spanId === request.spanId));
    const batchId = start.attributes['headgate.batch'];
    assert.equal(batched.attributes['headgate.batch'], batchId);
    const ids = new Set(batch.map(({ spanId }) => spanId));
    for (const span of batch) {
      assert.ok(span === start || ids.has(span.parentSpanId), `${span.name} goes on from nothing`);
      const { 'headgate.tenant': tenant, temporalWorkflowId: workflow = '' } = span.attributes;
      assert.ok(tenant === 'acme' || workflow.includes('/acme/'), `${span.name} is of no tenant`);
    }

    // The receiver goes on in the producer's trace, at each attempt.
    const posts = await until(() => {
      const found = collector
        .spans()
        .filter(({ name, traceId }) => name === 'POST' && traceId === PRODUCER.traceId);
      assert.equal(found.at(-1)?.attributes['http.response.status_code'], '204');
      return found;
    }, WITHIN_MS);
    const got = received.filter(({ ids }) => ids.includes('paid-1'));
    assert.deepEqual(
      got.map(({ headers }) => headers.traceparent),
      posts.map(({ spanId }) => `00-${PRODUCER.traceId}-${spanId}-01`),
    );
    for (const { headers, body } of got) {
      assert.equal(headers.tracestate, state);
      const { traceparent, tracestate } = JSON.parse(body) as Record<string, unknown>;
      assert.equal(traceparent, `00-${PRODUCER.traceId}-${request.spanId}-01`);
      assert.equal(tracestate, state);
    }
    for (const { parentSpanId, attributes } of posts) {
      assert.equal(parentSpanId, request.spanId);
      assert.equal(attributes['headgate.batch'], batchId);
    }
  });

  it('have nothing of a request that its producer does not trace', async () => {
    await until(() => assert.ok(receiver.confirmed.has('paid-2')), WITHIN_MS);
    assert.ok(!collector.spans().some(({ traceId }) => traceId === NOT_WANTED));
    const got = received.find(({ ids }) => ids.includes('paid-2'));
    assert.equal(got?.headers.traceparent, undefined);
  });

  it("go on from an event's own attribute, and join several in one request to a receiver", async () => {
    const traces = ['2af7651916cd43dd8448eb211c80319c', '3af7651916cd43dd8448eb211c80319c'];
    const listed = traces.map((traceId, n) =>
      event(`listed-${n}`, { type: 'order.listed', traceparent: `00-${traceId}-${PRODUCER.spanId}-01` }),
    );
    await send(listed, {});
    const [first, second] = await Promise.all(traces.map((traceId) => spansOf(traceId, ['POST events'])));
    assert.equal(named(first!, 'POST /v1/events').parentSpanId, PRODUCER.spanId);
    assert.equal(named(second!, 'POST events').parentSpanId, PRODUCER.spanId);
    const [link] = named(second!, 'POST events').links;
    const joining = await spansOf(link!.traceId, ['POST events']);
    const post = joining.find(({ spanId }) => spanId === link!.spanId);
    assert.deepEqual(post?.links.map(({ traceId }) => traceId).sort(), traces);
    const got = received.find(({ ids }) => ids.includes('listed-1'));
    assert.equal(got?.headers.traceparent, `00-${link!.traceId}-${link!.spanId}-01`);
  });

  it('have neither data nor tokens nor what receivers answer', () => {
    const text = collector.text();
    assert.ok(text.includes('POST /v1/events'));
    for (const secret of [PRIVATE, token, 'paid-1']) assert.ok(!text.includes(secret), secret.slice(0, 20));
    for (const { name, events, status } of collector.spans()) {
      assert.deepEqual(events, [], name);
      assert.equal(status.message ?? '', '', name);
    }
  });
});

import assert from 'node:assert/strict';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { ExportResultCode } from '@opentelemetry/core';
import { HeadgateError } from '../../src/errors.js';
import type { TraceContext } from '../../src/events/trace-context.js';
import type { TracingSettings } from '../../src/tracing/settings.js';
import { createTracing } from '../../src/tracing/sdk/create-tracing.js';
import type { Tracing } from '../../src/tracing/tracing.js';
import { SILENT } from '../support/pipeline.js';

const SETTINGS: TracingSettings = {
  url: 'http://127.0.0.1:1/v1/traces',
  serviceName: 'test',
  sampler: 'parentbased_always_on',
  ratio: 1,
};
const SPAN = 'b7ad6b7169203331';
const traceId = (n: number) => (n + 1).toString(16).padStart(32, 'a');
const traceparent = (n: number, flags = '01') => `00-${traceId(n)}-${SPAN}-${flags}`;

/** Keeps what it has been given after its end, too. */
class Kept extends InMemorySpanExporter {
  readonly spans: ReadableSpan[] = [];
  override export(...[spans, done]: Parameters<InMemorySpanExporter['export']>): void {
    this.spans.push(...spans);
    done({ code: ExportResultCode.SUCCESS });
  }
}

describe('tracing', () => {
  let exporter: Kept;
  let tracing: Tracing;

  function open(settings: Partial<TracingSettings> = {}): void {
    exporter = new Kept();
    tracing = createTracing({ ...SETTINGS, ...settings }, SILENT, exporter);
  }
  /** All spans, at its end. */
  async function spans(): Promise<ReadableSpan[]> {
    await tracing.close();
    return exporter.spans;
  }
  const request = (headers: object, first: unknown = {}) =>
    tracing.request({ tenant: 'acme', stream: 'events', headers, first, beganAt: Date.now() });

  it('takes the context of the headers, else that of the first event, else begins a trace', async () => {
    open();
    const contexts = [
      request({ traceparent: traceparent(1) }, { traceparent: traceparent(2) }),
      request({}, { traceparent: traceparent(2), tracestate: 'a=1' }),
      request({}),
    ].map((span) => {
      span?.end({});
      return span?.context as TraceContext;
    });
    assert.deepEqual(contexts.map(({ traceparent: each }) => each.split('-')[1]).slice(0, 2), [
      traceId(1),
      traceId(2),
    ]);
    assert.equal(contexts[1]?.tracestate, 'a=1');
    const [, , root] = await spans();
    assert.equal(root?.parentSpanId, undefined);
  });

  it('leaves out what the sampler does not want', async () => {
    open();
    assert.equal(request({ traceparent: traceparent(1, '00') }), undefined);
    await tracing.close();
    open({ sampler: 'traceidratio', ratio: 0 });
    assert.equal(request({ traceparent: traceparent(1) }), undefined);
    const sent: unknown[] = [];
    const post = { attributes: {}, single: true, told: () => ({ attributes: {}, failed: false }) };
    const event = { traceparent: traceparent(1) };
    await tracing.post({ ...post, events: [event] }, (headers) => Promise.resolve(sent.push(headers)));
    assert.deepEqual(sent, [event]);
    assert.deepEqual(await spans(), []);
  });

  it('only does the work where no trace is joined', async () => {
    open();
    const join = { name: 'work', attributes: {}, joins: [{}, { trace: traceparent(1, '00') }] };
    assert.equal(await tracing.join(join, (trace) => Promise.resolve(trace)), undefined);
    assert.deepEqual(await spans(), []);
  });

  it('links a span with those it goes on from, and each of their traces with it', async () => {
    open();
    const since = Date.now() - 5_000;
    const joins = [{ trace: traceparent(1), since }, { trace: traceparent(2) }, { trace: traceparent(1) }];
    const given = await tracing.join({ name: 'work', attributes: { 'a.b': 1 }, joins }, (trace) =>
      Promise.resolve(trace),
    );
    const [own, ...views] = await spans();
    const { traceId: ownTrace, spanId } = own!.spanContext();
    assert.equal(given, `00-${ownTrace}-${spanId}-01`);
    assert.deepEqual(
      own!.links.map(({ context }) => context.traceId),
      [traceId(1), traceId(2)],
    );
    assert.deepEqual(
      views.map((view) => view.spanContext().traceId),
      [traceId(1), traceId(2)],
    );
    for (const view of views) {
      assert.equal(view.parentSpanId, SPAN);
      assert.deepEqual(
        view.links.map(({ context }) => context.spanId),
        [spanId],
      );
      assert.deepEqual(view.attributes, { 'a.b': 1 });
    }
    assert.equal(views[0]!.startTime[0], Math.floor(since / 1000));
  });

  it('has a bound on the traces that are joined, and says how many it leaves out', async () => {
    open();
    const joins = Array.from({ length: 100 }, (_, n) => ({ trace: traceparent(n) }));
    await tracing.join({ name: 'work', attributes: {}, joins }, () => Promise.resolve());
    const [own, ...views] = await spans();
    assert.equal(own!.links.length, 32);
    assert.equal(views.length, 32);
    assert.equal(own!.attributes['headgate.links_left_out'], 68);
  });

  it('has the code of an error, and not its message', async () => {
    open();
    const failing = tracing.join({ name: 'work', attributes: {}, joins: [{ trace: traceparent(1) }] }, () =>
      Promise.reject(new HeadgateError('DISK_FULL', 'what it says')),
    );
    await assert.rejects(failing, { code: 'DISK_FULL' });
    request({})?.end({}, new Error('what it says'));
    const all = await spans();
    assert.deepEqual(all.map(({ attributes }) => attributes['error.type']).filter(Boolean), [
      'DISK_FULL',
      'INTERNAL',
    ]);
    for (const { status, events } of all) assert.deepEqual([status.message, events], [undefined, []]);
  });
});

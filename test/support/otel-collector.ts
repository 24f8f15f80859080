import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../bench/system/free-port.js';
import { until } from './until.js';

/** A span as the collector has received it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 2: server, 3: client. */
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, string>>;
  /** Events within it. */
  readonly events: readonly unknown[];
  readonly status: { readonly code?: number; readonly message?: string };
  /** Of the process. */
  readonly resource: Readonly<Record<string, string>>;
}

/** An OpenTelemetry collector of a test's own: OTLP over HTTP in, a file out. */
export interface OtelCollector {
  readonly endpoint: string;
  /** What it has received so far. */
  spans(): ReceivedSpan[];
  /** All that it has written, as it is. */
  text(): string;
  stop(): Promise<void>;
}

const COLLECTOR = process.env.HEADGATE_TEST_OTEL_COLLECTOR;

/** Skips a suite, saying why, unless there is a collector; to be called in a hook before all. */
export function skipWithoutCollector(context: Mocha.Context): void {
  if (COLLECTOR !== undefined) return;
  console.log(
    '      skipped: set HEADGATE_TEST_OTEL_COLLECTOR to what `node scripts/otel-collector.mjs` has built',
  );
  context.skip();
}

/** Starts a collector that writes into a directory. */
export async function startCollector(dir: string): Promise<OtelCollector> {
  const port = await freePort();
  const file = join(dir, 'spans.ndjson');
  const config = join(dir, 'collector.yaml');
  writeFileSync(file, '');
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { file: { path: file, flush_interval: '100ms' } },
      service: {
        telemetry: { metrics: { level: 'none' }, logs: { level: 'error' } },
        pipelines: { traces: { receivers: ['otlp'], exporters: ['file'] } },
      },
    }),
  );
  const child = spawn(COLLECTOR as string, ['--config', `file:${config}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await until(() => connected(port), 20_000);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans: () => spansIn(readFileSync(file, 'utf8')),
    text: () => readFileSync(file, 'utf8'),
    stop: async () => {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGTERM')) await ended;
    },
  };
}

function connected(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

type OtlpSpan = Omit<ReceivedSpan, 'attributes' | 'resource'> & { readonly attributes?: Attribute[] };

interface OtlpLine {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** The last line may be half written. */
function spansIn(text: string): ReceivedSpan[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return whole
    .filter((line) => line !== '')
    .flatMap((line) => (JSON.parse(line) as OtlpLine).resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map((span) => received(span, resource.attributes))),
    );
}

function received(span: OtlpSpan, resource: Attribute[]): ReceivedSpan {
  const { parentSpanId = '', links = [], events = [], attributes = [] } = span as Partial<OtlpSpan>;
  return {
    ...span,
    parentSpanId,
    links,
    events,
    attributes: recordOf(attributes),
    resource: recordOf(resource),
  };
}

function recordOf(attributes: Attribute[]): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? '']),
  );
}

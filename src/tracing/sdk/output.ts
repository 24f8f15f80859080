import { SpanStatusCode, type Context, type SpanStatus } from '@opentelemetry/api';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { Resource, detectResourcesSync, envDetectorSync } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type Span,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { hostname } from 'node:os';
import { messageOf } from '../../errors.js';
import type { Logger } from '../../platform/logger.js';
import { headgateVersion } from '../../version.js';
import type { TracingSettings } from '../settings.js';

/** How long the end of a process waits for its last spans. */
const CLOSE_WITHIN_MS = 5_000;

/** Where spans go. */
export interface Output {
  readonly resource: Resource;
  readonly processor: SpanProcessor;
}

/**
 * Opens the way of spans to their receiver: in the background, some at a time, and bounded. What comes faster than the
 * receiver takes it is dropped.
 */
export function openOutput(
  { url, serviceName }: TracingSettings,
  log: Pick<Logger, 'warn' | 'info'>,
  exporter: SpanExporter = new OTLPTraceExporter({ url }),
): Output {
  const own = new Resource({
    'service.name': serviceName,
    'service.version': headgateVersion(),
    'service.instance.id': `${process.pid}@${hostname()}`,
  });
  // After `OTEL_RESOURCE_ATTRIBUTES`, which would otherwise win over `OTEL_SERVICE_NAME`.
  const resource = detectResourcesSync({ detectors: [envDetectorSync] }).merge(own);
  return { resource, processor: new Discreet(new BatchSpanProcessor(new Told(exporter, log))) };
}

/** Takes from spans what a receiver of traces is not to have: the messages of errors may quote an event. */
class Discreet implements SpanProcessor {
  constructor(private readonly next: SpanProcessor) {}

  onStart(span: Span, parent: Context): void {
    this.next.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    span.events.length = 0;
    const { code } = span.status;
    if (code === SpanStatusCode.ERROR) (span as { status: SpanStatus }).status = { code };
    this.next.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.next.forceFlush();
  }

  async shutdown(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WITHIN_MS);
    });
    await Promise.race([this.next.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }
}

/** Says once that spans are not taken, and once that they are again. */
class Told implements SpanExporter {
  private failing = false;

  constructor(
    private readonly next: SpanExporter,
    private readonly log: Pick<Logger, 'warn' | 'info'>,
  ) {}

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.next.export(spans, (result) => {
      this.tell(result);
      // The SDK would log it in a form of its own, each time.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  shutdown(): Promise<void> {
    return this.next.shutdown();
  }

  private tell({ code, error }: ExportResult): void {
    const failed = code !== ExportResultCode.SUCCESS;
    if (failed && !this.failing) this.log.warn('TRACES_NOT_SENT', { reason: messageOf(error) });
    if (!failed && this.failing) this.log.info('TRACES_SENT_AGAIN');
    this.failing = failed;
  }
}

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HeadgateError, systemCodeOf } from '../errors.js';
import { askForBody } from './expect-continue.js';

/** How slowly a body may come. */
export interface BodyPace {
  /** Milliseconds that any body may take. Default 10,000. */
  readonly graceMs: number;
  /** After those, every second must have brought this number of bytes on average. Default 1,000. */
  readonly minBytesPerSecond: number;
}

/** What {@link readBody} keeps to. */
export interface ReadBodyOptions {
  /** Largest body, in bytes after inflating. */
  readonly maxBytes: number;
  readonly pace?: BodyPace;
  /** True to inflate what is gzip by its first two octets, whatever the headers say. */
  readonly anyGzip?: boolean;
  /** Told how many bytes, inflated, have been read so far; what it throws ends the reading. */
  readonly onBytes?: (bytes: number) => void;
}

const PACE: BodyPace = { graceMs: 10_000, minBytesPerSecond: 1_000 };
/** A refused body is read and dropped up to here, so that the client gets to read the answer; beyond it the connection is cut. */
const MAX_DRAINED_BYTES = 128 * 1024 * 1024;
const MAX_DRAIN_MS = 10_000;

/**
 * Reads a request's body, inflating gzip. `maxBytes` counts inflated bytes, so that a small bomb cannot become a big body.
 * @throws HeadgateError `BODY_TOO_LARGE`, `BODY_MALFORMED` (broken gzip, or cut off), `BODY_TIMEOUT` (too slow),
 * `CONTENT_ENCODING_UNSUPPORTED`; and what `onBytes` throws
 */
export async function readBody(request: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  // RFC 9110, section 8.4.1.3: x-gzip is gzip.
  const encoding = (request.headers['content-encoding'] ?? 'identity')
    .toLowerCase()
    .replace(/^x-gzip$/, 'gzip');
  if (encoding !== 'identity' && encoding !== 'gzip') {
    await drain(request);
    throw new HeadgateError(
      'CONTENT_ENCODING_UNSUPPORTED',
      `Content-Encoding "${encoding}" is not known here; use gzip or none.`,
    );
  }
  if (Number(request.headers['content-length'] ?? 0) > options.maxBytes) {
    await drain(request);
    throw tooLarge(options.maxBytes);
  }
  askForBody(request);
  const chunks: Buffer[] = [];
  try {
    if (encoding === 'gzip') await collectInflated(request, chunks, options);
    else {
      await collect(request, chunks, options);
      if (options.anyGzip === true && isGzip(chunks)) await inflateAll(chunks, options);
    }
  } catch (error) {
    chunks.length = 0;
    const problem = bodyError(error);
    // The rest of a slow body would be as slow.
    if (!(problem instanceof HeadgateError) || problem.code !== 'BODY_TIMEOUT') await drain(request);
    throw problem;
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** Collects a stream's chunks up to a limit and not too slowly, and leaves the stream alive when it stops before the end. */
function collect(
  stream: Readable,
  chunks: Buffer[],
  { maxBytes, onBytes, pace = PACE }: ReadBodyOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const began = performance.now();
    let timer = setTimeout(checkPace, pace.graceMs);
    function finish(settle: () => void): void {
      clearTimeout(timer);
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      settle();
    }
    function onData(chunk: Buffer): void {
      bytes += chunk.length;
      try {
        if (bytes > maxBytes) throw tooLarge(maxBytes);
        onBytes?.(bytes);
        chunks.push(chunk);
      } catch (error) {
        finish(() => reject(error as Error));
      }
    }
    /** Looks again when what has come so far is used up. */
    function checkPace(): void {
      const allowedMs = pace.graceMs + (bytes / pace.minBytesPerSecond) * 1000;
      const leftMs = allowedMs - (performance.now() - began);
      if (leftMs <= 1) finish(() => reject(tooSlow(pace)));
      else timer = setTimeout(checkPace, leftMs);
    }
    const onEnd = (): void => finish(resolve);
    const onError = (error: Error): void => finish(() => reject(error));
    const onClose = (): void => finish(() => reject(new Error('the request was cut off')));
    if (stream.destroyed) onClose();
    else stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/** Not `pipeline`: that would destroy the request on an error, and with it the connection the answer goes over. */
async function collectInflated(
  request: IncomingMessage,
  chunks: Buffer[],
  options: ReadBodyOptions,
): Promise<void> {
  const gunzip = createGunzip();
  const cutOff = (): void => void (request.complete || gunzip.destroy(new Error('the request was cut off')));
  request.once('close', cutOff).pipe(gunzip);
  try {
    await collect(gunzip, chunks, options);
  } finally {
    request.off('close', cutOff).unpipe(gunzip);
    // What it was inflating may still fail; nobody waits for it any more.
    gunzip.on('error', () => undefined).destroy();
  }
}

function isGzip([first]: readonly Buffer[]): boolean {
  return first !== undefined && first[0] === 0x1f && first[1] === 0x8b;
}

/** In place: what was read is no more needed, and what it becomes is counted anew. */
async function inflateAll(chunks: Buffer[], options: ReadBodyOptions): Promise<void> {
  const gunzip = createGunzip();
  gunzip.end(Buffer.concat(chunks));
  chunks.length = 0;
  try {
    await collect(gunzip, chunks, options);
  } finally {
    gunzip.on('error', () => undefined).destroy();
  }
}

function tooLarge(maxBytes: number): HeadgateError {
  const limit = maxBytes < 1_000_000 ? `${maxBytes} bytes` : `${Math.floor(maxBytes / 1_000_000)} MB`;
  return new HeadgateError(
    'BODY_TOO_LARGE',
    `A request body may have ${limit}, inflated; send less at a time.`,
    { details: { maxBytes } },
  );
}

function tooSlow({ graceMs, minBytesPerSecond }: BodyPace): HeadgateError {
  const message = `After ${graceMs / 1000} s a body must come at ${minBytesPerSecond} bytes/s or more.`;
  return new HeadgateError('BODY_TIMEOUT', message, { retryable: true });
}

function bodyError(error: unknown): Error {
  if (error instanceof HeadgateError) return error;
  if ((systemCodeOf(error) ?? '').startsWith('Z_'))
    return new HeadgateError('BODY_MALFORMED', 'The body is not valid gzip.', { cause: error });
  return new HeadgateError('BODY_MALFORMED', 'The body ended before its time.', { cause: error });
}

/** Reads on and drops, so that a client that is still sending sees the answer instead of a reset connection. */
async function drain(request: IncomingMessage): Promise<void> {
  if (request.destroyed || request.readableEnded) return;
  let bytes = 0;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => request.destroy(), MAX_DRAIN_MS);
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_DRAINED_BYTES) request.destroy();
    });
    request
      .once('close', resolve)
      .once('end', resolve)
      .once('error', () => resolve());
    request.once('close', () => clearTimeout(timer)).once('end', () => clearTimeout(timer));
    request.resume();
  });
}

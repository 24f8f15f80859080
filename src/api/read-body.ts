import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HeadgateError, systemCodeOf } from '../errors.js';

/** A refused body is read and dropped up to here, so that the client gets to read the answer; beyond it the connection is cut. */
const MAX_DRAINED_BYTES = 128 * 1024 * 1024;
const MAX_DRAIN_MS = 10_000;

/**
 * Reads a request's body, inflating gzip. `maxBytes` counts inflated bytes, so that a small bomb cannot become a big body.
 * @throws HeadgateError `BODY_TOO_LARGE`, `BODY_MALFORMED` (broken gzip, or cut off), `CONTENT_ENCODING_UNSUPPORTED`
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip') {
    await drain(request);
    throw new HeadgateError(
      'CONTENT_ENCODING_UNSUPPORTED',
      `Content-Encoding "${encoding}" is not known here; use gzip or none.`,
    );
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    await drain(request);
    throw tooLarge(maxBytes);
  }
  const chunks: Buffer[] = [];
  try {
    if (encoding === 'gzip') await collectInflated(request, chunks, maxBytes);
    else await collect(request, chunks, maxBytes);
  } catch (error) {
    await drain(request);
    throw bodyError(error);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** Collects a stream's chunks up to a limit, and leaves the stream alive when that is passed. */
async function collect(stream: Readable, chunks: Buffer[], maxBytes: number): Promise<void> {
  let bytes = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
}

/** Not `pipeline`: that would destroy the request on an error, and with it the connection the answer goes over. */
async function collectInflated(request: IncomingMessage, chunks: Buffer[], maxBytes: number): Promise<void> {
  const gunzip = createGunzip();
  const cutOff = (): void => void (request.complete || gunzip.destroy(new Error('the request was cut off')));
  request.once('close', cutOff).pipe(gunzip);
  try {
    await collect(gunzip, chunks, maxBytes);
  } finally {
    request.off('close', cutOff).unpipe(gunzip);
    gunzip.destroy();
  }
}

function tooLarge(maxBytes: number): HeadgateError {
  const limit = `${Math.floor(maxBytes / 1_000_000)} MB`;
  return new HeadgateError(
    'BODY_TOO_LARGE',
    `A request body may have ${limit}, inflated; send less at a time.`,
    { details: { maxBytes } },
  );
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

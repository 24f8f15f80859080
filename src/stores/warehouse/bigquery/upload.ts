import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuthClient } from 'google-auth-library';
import { answerOf, isOutage } from './errors.js';

/** Larger files go in pieces of this size. A multiple of 256 KiB, as the protocol wants. */
export const PIECE_BYTES = 8 * 1024 ** 2;
/** For a piece, or a file that is smaller: 70 kB a second. */
export const PIECE_TIMEOUT_MS = 120_000;
/** Failures one after the other without a byte that has arrived; then the upload begins anew, at the next attempt. */
const FAILURES = 4;
const FIRST_WAIT_MS = 250;
/** What Google answers while a file is not there as a whole; it is no redirect, since it names no place. */
const INCOMPLETE = 308;

/** What {@link uploadInPieces} needs. */
export interface Upload {
  readonly auth: AuthClient;
  /** Of the method that takes uploads, without a query. */
  readonly url: string;
  /** What the file is for, as JSON. */
  readonly metadata: unknown;
  readonly path: string;
  readonly signal?: AbortSignal;
}

/** What the server has: all, and its answer, or the bytes up to an offset. */
type UploadStatus<T> = { readonly answer: T } | { readonly received: number };

/**
 * Uploads a file in pieces. One that does not come through is not the end of it: the server is asked how much it has, and the
 * file goes on from there.
 * @throws what the last request has failed with; whether the whole file has arrived is then not known
 * @see https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable
 */
export async function uploadInPieces<T>(upload: Upload): Promise<T> {
  const file = await open(upload.path);
  try {
    const { size } = await file.stat();
    const session = await begin(upload, size);
    return await sendAll<T>({ ...upload, url: session }, file, size);
  } finally {
    await file.close();
  }
}

async function begin({ auth, url, metadata, signal }: Upload, size: number): Promise<string> {
  const { headers } = await request(auth, {
    method: 'POST',
    url: `${url}?uploadType=resumable`,
    signal,
    headers: {
      'Content-Type': 'application/json; charset=UTF-8',
      'X-Upload-Content-Type': 'application/octet-stream',
      'X-Upload-Content-Length': String(size),
    },
    body: JSON.stringify(metadata),
  });
  const session = headers.get('location');
  if (session === null) throw new Error('Google has begun an upload without saying where it goes');
  return session;
}

async function sendAll<T>(upload: Upload, file: FileHandle, size: number): Promise<T> {
  // Undefined where a request has failed, so that it has to be asked.
  let offset: number | undefined = 0;
  for (let failures = 0; ;) {
    try {
      const sent: number | undefined = offset;
      const status: UploadStatus<T> =
        sent === undefined ? await ask<T>(upload, size) : await sendPiece<T>(upload, file, sent, size);
      if ('answer' in status) return status.answer;
      if (sent !== undefined && status.received <= sent) throw new NothingTaken();
      offset = status.received;
      if (sent !== undefined) failures = 0;
    } catch (error) {
      upload.signal?.throwIfAborted();
      failures += 1;
      if (failures === FAILURES || !(error instanceof NothingTaken || isOutage(error))) throw error;
      offset = undefined;
      await sleep(FIRST_WAIT_MS * 2 ** failures, undefined, { signal: upload.signal });
    }
  }
}

class NothingTaken extends Error {
  override readonly message = 'Google has taken nothing of a piece of an upload';
}

async function sendPiece<T>(upload: Upload, file: FileHandle, offset: number, size: number) {
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, size - offset));
  const { bytesRead } = await file.read(piece, 0, piece.length, offset);
  if (bytesRead < piece.length) throw new Error(`${upload.path} has become shorter while it is uploaded`);
  return put<T>(upload, `bytes ${offset}-${offset + piece.length - 1}/${size}`, piece);
}

function ask<T>(upload: Upload, size: number): Promise<UploadStatus<T>> {
  return put<T>(upload, `bytes */${size}`);
}

async function put<T>({ auth, url, signal }: Upload, range: string, body?: Buffer): Promise<UploadStatus<T>> {
  const headers = { 'Content-Range': range, 'Content-Type': 'application/octet-stream' };
  const answer = await request<T>(auth, { method: 'PUT', url, headers, body, signal });
  if (answer.status !== INCOMPLETE) return { answer: answer.data };
  // `bytes=0-524287`; missing while there is nothing.
  const [, last] = /^bytes=0-(\d+)$/.exec(answer.headers.get('range') ?? '') ?? [];
  return { received: last === undefined ? 0 : Number(last) + 1 };
}

interface Request {
  readonly method: 'POST' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

interface Answer<T> {
  readonly status: number;
  readonly data: T;
  readonly headers: Headers;
}

/** Nothing is tried again here. Errors are given the reasons of Google's own clients, so that they are sorted alike. */
async function request<T>(auth: AuthClient, { signal, body, ...rest }: Request): Promise<Answer<T>> {
  const inTime = AbortSignal.timeout(PIECE_TIMEOUT_MS);
  try {
    return await auth.request<T>({
      ...rest,
      body,
      responseType: 'json',
      retry: false,
      redirect: 'manual',
      signal: AbortSignal.any(signal ? [signal, inTime] : [inTime]),
      validateStatus: (status) => (status >= 200 && status < 300) || status === INCOMPLETE,
    });
  } catch (error) {
    throw withReasons(error);
  }
}

function withReasons(error: unknown): unknown {
  const { data } = (error as { response?: { data?: { error?: { errors?: unknown; message?: string } } } })
    .response ?? { data: undefined };
  if (data?.error?.errors === undefined || !(error instanceof Error)) return error;
  const { errors, message = error.message } = data.error;
  return Object.assign(new Error(message, { cause: error }), { status: answerOf(error).status, errors });
}

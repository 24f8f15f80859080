import { STATUS_CODES } from 'node:http';
import { Pool, errors, type buildConnector } from 'undici';
import { HeadgateError, messageOf, systemCodeOf } from '../../errors.js';
import { ADDRESS_REFUSED } from './address-guard.js';
import { createNodeWire, type Wire, type WireAnswer } from './node-wire.js';

/** What came of one request. */
export interface PushOutcome {
  /** The receiver has answered 2xx: the events are its own now. */
  readonly ok: boolean;
  /** Absent where no answer came. */
  readonly status?: number;
  /** What went wrong, in few stable words: `HTTP 500 Internal Server Error`, `timeout`. Absent if `ok`. */
  readonly error?: string;
  /** The first 16 KB of the answer, as text. */
  readonly body: string;
  /** What the answer's `Retry-After` asks for, an hour at most. */
  readonly retryAfterMs?: number;
  /** From the request's start to the end of what was read of the answer. */
  readonly ms: number;
  /** 410: the receiver wants no more. */
  readonly gone: boolean;
}

/** Posts to one webhook, over connections of its own. */
export interface Poster {
  /**
   * Makes one request. Whatever a receiver does is an outcome; nothing is thrown.
   * @param timeoutMs from the start, waiting for a connection included, to the end of the answer
   */
  post(headers: Readonly<Record<string, string>>, body: string, timeoutMs: number): Promise<PushOutcome>;
  /** Closes the connections, after what is on its way. */
  close(): Promise<void>;
}

/** What {@link createPoster} needs. */
export interface PosterOptions {
  readonly url: string;
  /** Connections at most. */
  readonly connections: number;
  readonly connect: buildConnector.connector;
}

/** Of an answer this much is kept; */
const KEPT_BYTES = 16 * 1024;
/** this much is read, so that its connection can be used again; with more to come it is closed. */
const READ_BYTES = 128 * 1024;
/** No `Retry-After` is followed for longer. */
export const MAX_RETRY_AFTER_MS = 60 * 60 * 1000;

/**
 * Opens a pool of connections to a webhook. Redirects are not followed: the new address would be nobody's choice. One that
 * answers `100 Continue` unasked is sent the request again by another client, and from then on all of them by that alone.
 * @throws HeadgateError `TENANT_CONFIG_INVALID` (retryable: it may be fixed)
 */
export function createPoster({ url, connections, connect }: PosterOptions): Poster {
  if (!URL.canParse(url))
    throw new HeadgateError('TENANT_CONFIG_INVALID', 'The url of a push subscription is none.', {
      retryable: true,
    });
  const options = { url: new URL(url), connections, connect };
  const usual = createUsualWire(options);
  let patient: Wire | undefined;
  return {
    post: async (headers, body, timeoutMs) => {
      const began = performance.now();
      const timeout = new AbortController();
      const timer = setTimeout(() => timeout.abort(), timeoutMs);
      const measured = (): { ms: number } => ({ ms: Math.round(performance.now() - began) });
      try {
        const { signal } = timeout;
        const wire = patient ?? usual;
        const answer = await wire.post(headers, body, signal).catch((error: unknown) => {
          if (wire !== usual || !isUnaskedContinue(error)) throw error;
          patient ??= createNodeWire(options);
          return patient.post(headers, body, signal);
        });
        const text = await readSome(answer.body);
        return { ...answeredBy(answer, text), ...measured() };
      } catch (error) {
        const reason = timeout.signal.aborted ? 'timeout' : reasonOf(error);
        return { ok: false, error: reason, body: '', gone: false, ...measured() };
      } finally {
        clearTimeout(timer);
      }
    },
    close: async () => {
      await patient?.close();
      await usual.close();
    },
  };
}

function createUsualWire({ url, connections, connect }: Parameters<typeof createNodeWire>[0]): Wire {
  const { origin, pathname, search } = url;
  const path = `${pathname}${search}`;
  const pool = new Pool(origin, { connections, connect, headersTimeout: 0, bodyTimeout: 0 });
  return {
    post: (headers, body, signal) => pool.request({ method: 'POST', path, headers, body, signal }),
    close: () => pool.close(),
  };
}

/** undici ends the connection at an interim answer that was not asked for, and calls it so. */
function isUnaskedContinue(error: unknown): boolean {
  return error instanceof errors.SocketError && error.message === 'bad response';
}

function answeredBy({ statusCode: status, headers }: WireAnswer, body: string) {
  const ok = status >= 200 && status < 300;
  const retryAfterMs = retryAfterOf(headers['retry-after'], Date.now());
  return {
    ok,
    status,
    body,
    gone: status === 410,
    ...(!ok && { error: errorOf(status) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function errorOf(status: number): string {
  const named = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
  return status >= 300 && status < 400 ? `${named}: redirects are not followed` : named;
}

/**
 * What a `Retry-After` asks for in milliseconds, an hour at most: it is in seconds, or a date.
 * @param now milliseconds since the epoch
 * @see RFC 9110, section 10.2.3
 */
export function retryAfterOf(header: string | string[] | undefined, now: number): number | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  if (value === undefined) return undefined;
  // `Date.parse` makes a date of much that is none.
  const date = /^[A-Za-z]{3,9},? /.test(value) ? Date.parse(value) : Number.NaN;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : date - now;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

/** The status has told all that counts: what goes wrong after it, be it the timeout, ends the connection and no more. */
async function readSome(body: WireAnswer['body']): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let read = 0;
  try {
    for await (const chunk of body) {
      if (read < KEPT_BYTES) text += decoder.decode(chunk.subarray(0, KEPT_BYTES - read), { stream: true });
      read += chunk.length;
      if (read > READ_BYTES) break;
    }
  } catch {
    body.destroy();
  }
  return text;
}

/** By the codes of Node and undici. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed',
  EPIPE: 'connection closed',
  UND_ERR_SOCKET: 'connection closed',
  UND_ERR_CONNECT_TIMEOUT: 'connect timeout',
  ETIMEDOUT: 'connect timeout',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  ENETUNREACH: 'host unreachable',
  EHOSTUNREACH: 'host unreachable',
  UND_ERR_HEADERS_OVERFLOW: 'malformed answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'malformed answer: its Content-Length is wrong, or there twice',
  UND_ERR_INVALID_ARG: 'invalid header or address',
};

function reasonOf(error: unknown): string {
  const code = systemCodeOf(error) ?? '';
  if (code === ADDRESS_REFUSED) return `address refused: ${messageOf(error)}`;
  if (error instanceof errors.HTTPParserError || code.startsWith('HPE_')) return 'malformed answer';
  if (/CERT|TLS|SSL|SIGNATURE/.test(code)) return `TLS: ${code}`;
  return REASONS[code] ?? (code === '' ? 'request failed' : `request failed: ${code}`);
}

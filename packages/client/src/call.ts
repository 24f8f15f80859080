import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { HeadgateError } from './error.js';

/** Whom to call, and as whom. */
export interface Endpoint {
  /** Address of the API, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Gives a token that is valid now; asked for each request, and with the token that was refused after a 401. */
  readonly token: (refused?: string) => string | Promise<string>;
  /** Whom the calls are about, where the token is an operator's. */
  readonly tenant?: string;
}

/** A request of the client, which answers it takes, and how long it is made again. */
interface Call<T> {
  readonly path: string;
  /** Default POST. */
  readonly method?: string;
  readonly body?: string;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** What the answer gives; undefined when it is a refusal, or has lost its body on the way. */
  readonly read: (status: number, body: unknown) => T | undefined;
  /** How often it is made again. Default 0. */
  readonly retries?: number;
  /** How long an attempt may take, milliseconds. Default: as long as `fetch` waits. */
  readonly attemptMs?: number;
  /** True where a wait before another attempt does not keep the process alive. Default false. */
  readonly unref?: boolean;
  /** Called before each attempt. */
  readonly onAttempt?: () => void;
  /** Called with the reason why another attempt is needed, before the wait. */
  readonly onWaiting?: (reason: string) => void;
}

/** A server may ask for a longer wait, or a broken proxy for a year: then it is asked again, which is cheap. */
const MAX_WAIT_SECONDS = 600;

/**
 * Makes a call, and makes it again while another attempt may help: after longer and longer waits (250 ms to 8 s), or after
 * the time the server asks for. Safe for all that the client sends: events have ids, and an acknowledgement may come twice.
 * @throws HeadgateError `REQUEST_FAILED`, the last one, with the answer's status and problem code as `details.status` and
 * `details.code`
 */
export async function call<T>(endpoint: Endpoint, request: Call<T>): Promise<T> {
  const { retries = 0, signal, unref = false, onWaiting } = request;
  if (retries === 0) return callOnce(endpoint, request);
  return pRetry(() => callOnce(endpoint, request), {
    retries,
    signal,
    minTimeout: 250,
    maxTimeout: 8_000,
    factor: 2,
    randomize: true,
    unref,
    shouldRetry: async ({ error }) => {
      if (!(error instanceof HeadgateError) || !error.retryable) return false;
      onWaiting?.(error.message);
      await delay((error.retryAfterSeconds ?? 0) * 1000, undefined, { signal, ref: !unref });
      return true;
    },
  });
}

async function callOnce<T>(endpoint: Endpoint, request: Call<T>): Promise<T> {
  const { url } = endpoint;
  request.onAttempt?.();
  const response = await authorized(endpoint, request);
  const { status } = response;
  const answer: unknown = await response.json().catch(() => undefined);
  const result = request.read(status, answer);
  if (result !== undefined) return result;
  const { detail = `HTTP ${status}`, code } = (answer ?? {}) as { detail?: string; code?: string };
  throw new HeadgateError('REQUEST_FAILED', `${url} answers: ${detail}`, {
    retryable: response.ok || isRetryable(status),
    retryAfterSeconds: secondsToWait(response.headers.get('retry-after')),
    details: { status, code },
  });
}

/** A token may end between two requests: where there is another one after a 401, it is tried, once. */
async function authorized<T>(endpoint: Endpoint, request: Call<T>): Promise<Response> {
  const token = await endpoint.token();
  const response = await attempt(endpoint, request, token);
  if (response.status !== 401) return response;
  const renewed = await endpoint.token(token);
  if (renewed === token) return response;
  await response.body?.cancel();
  return attempt(endpoint, request, renewed);
}

/** Statuses after which the same call may succeed. 408: the body came too slowly. */
function isRetryable(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Reads `Retry-After`: seconds, or a date. Zero when there is none, or when it has passed. */
function secondsToWait(header: string | null): number {
  if (header === null) return 0;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? 0 : Math.min(Math.max(Math.ceil(seconds), 0), MAX_WAIT_SECONDS);
}

/** A connection that fails is worth another try, whatever the reason; a call that was called off is not made again. */
async function attempt<T>({ url, tenant }: Endpoint, request: Call<T>, token: string): Promise<Response> {
  const { path, method = 'POST', body, contentType = 'application/json' } = request;
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': contentType,
    ...(tenant !== undefined && { 'headgate-tenant': tenant }),
  };
  try {
    return await fetch(`${url}${path}`, { method, headers, body, signal: signalOf(request) });
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HeadgateError('REQUEST_FAILED', `${url} cannot be reached: ${reason}`, {
      retryable: true,
      cause: error,
    });
  }
}

function signalOf<T>({ signal, attemptMs }: Call<T>): AbortSignal | undefined {
  const signals = [signal, attemptMs === undefined ? undefined : AbortSignal.timeout(attemptMs)];
  const given = signals.filter((each) => each !== undefined);
  return given.length > 1 ? AbortSignal.any(given) : given[0];
}

import { HeadgateError, messageOf } from '../errors.js';

/** Whom to call, and as whom. */
export interface Endpoint {
  /** Address of the API, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Gives a token that is valid now; asked for each request. */
  readonly token: () => string | Promise<string>;
}

/** An answer of the API that is not a refusal. */
export interface CallAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What a call may have otherwise than by default. */
export interface CallOptions {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Statuses after which the same call may succeed. */
function isRetryable(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Seconds that an answer asks to wait. A proxy may write a date, which is as good as none. */
export function retryAfterOf(response: Response): number {
  return Number(response.headers.get('retry-after')) || 0;
}

/**
 * Makes one call, and no second one.
 * @throws HeadgateError `REQUEST_FAILED`, with the answer's status and problem code as `details.status` and `details.code`
 */
export async function call(
  { url, token }: Endpoint,
  path: string,
  { method = 'POST', body, signal }: CallOptions = {},
): Promise<CallAnswer> {
  const response = await attempt(url, path, {
    method,
    headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal,
  });
  const { status } = response;
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return { status, body: answer };
  const { detail = `HTTP ${status}`, code } = (answer ?? {}) as { detail?: string; code?: string };
  throw new HeadgateError('REQUEST_FAILED', `${url} answers: ${detail}`, {
    // An answer of 200 without a body has lost it on the way.
    retryable: response.ok || isRetryable(status),
    retryAfterSeconds: retryAfterOf(response),
    details: { status, code },
  });
}

/** A connection that fails is worth another try, whatever the reason; a call that was called off is not. */
export async function attempt(url: string, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`${url}${path}`, init);
  } catch (error) {
    const reason = messageOf((error as Error).cause ?? error);
    throw new HeadgateError('REQUEST_FAILED', `${url} cannot be reached: ${reason}`, {
      retryable: true,
      cause: error,
    });
  }
}

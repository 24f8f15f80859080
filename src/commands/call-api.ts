import pRetry from 'p-retry';
import { loadConfig } from '../config.js';
import { HeadgateError, messageOf, type ErrorCode } from '../errors.js';
import { assertTenantId } from '../tenants/ids.js';
import { printError } from './terminal-text.js';
import { tokenSource } from './token-source.js';

/** Options that every command has which asks the API. */
export interface ApiCommandOptions {
  readonly tenant: string;
  /** Default: this machine, `HEADGATE_PORT`. */
  readonly url?: string;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
type Headers = Readonly<Record<string, string>>;

/** The API, as a command talks to it. */
export interface CommandApi {
  /** Asks, and gives the JSON of the answer. */
  call<T>(method: Method, path: string, body?: object, headers?: Headers): Promise<T>;
  /** The same for what is followed for long: while the API starts again, or is busy, it asks on, for ten minutes. */
  follow<T>(path: string): Promise<T>;
  /** Asks for an answer that is read as it comes. */
  stream(path: string): Promise<ReadableStream<Uint8Array>>;
}

/** How {@link CommandApi.follow} asks on. */
const PATIENCE = { retries: 600, minTimeout: 1_000, factor: 1 } as const;

/**
 * Opens the API for a command, with a token of the scope; see {@link openApi}. Without a tenant it is about all that the
 * token reaches.
 */
export function openCommandApi({ tenant, url }: Partial<ApiCommandOptions>, scope: string): CommandApi {
  const config = loadConfig();
  const base = url ?? `http://${config.host}:${config.port}`;
  return openApi(
    base,
    tokenSource(config, tenant === undefined ? undefined : assertTenantId(tenant), scope),
    tenant,
  );
}

/**
 * Opens the API at an address.
 * What it gives throws HeadgateError `REQUEST_FAILED`: nobody answers, or the answer is a problem document, whose detail
 * and code it tells. Retryable where another try may help.
 * @param base such as `http://127.0.0.1:8080`
 * @param token gives one that is valid now; asked for each request
 * @param tenant that is asked about: the token may be an operator's
 */
export function openApi(base: string, token: () => Promise<string>, tenant?: string): CommandApi {
  async function ask(method: string, path: string, body?: object, more: Headers = {}): Promise<Response> {
    const headers = {
      authorization: `Bearer ${await token()}`,
      'content-type': 'application/json',
      ...(tenant !== undefined && { 'headgate-tenant': tenant }),
      ...more,
    };
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(new URL(path, base), init).catch((error: unknown) => {
      throw unreachable(base, error);
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }

  const call = async <T>(method: Method, path: string, body?: object, headers?: Headers): Promise<T> =>
    (await (await ask(method, path, body, headers)).json()) as T;

  return {
    call,
    follow: (path) => {
      const shouldRetry = ({ error }: { error: Error }): boolean =>
        error instanceof HeadgateError && error.retryable;
      const onFailedAttempt = ({ error, attemptNumber }: { error: Error; attemptNumber: number }): void => {
        if (attemptNumber === 1 && shouldRetry({ error })) printError(`${error.message} Asking again.`);
      };
      return pRetry(() => call('GET', path), { ...PATIENCE, shouldRetry, onFailedAttempt });
    },
    stream: async (path) => {
      const { body } = await ask('GET', path);
      return body ?? new ReadableStream();
    },
  };
}

function unreachable(base: string, error: unknown): HeadgateError {
  const reason = messageOf(error instanceof Error ? (error.cause ?? error) : error);
  const message = `${base} does not answer (${reason}). Is \`headgate start\` running, or is --url another?`;
  return new HeadgateError('REQUEST_FAILED', message, { retryable: true, cause: error });
}

async function refusal(response: Response): Promise<HeadgateError> {
  const text = await response.text();
  let problem: { code?: ErrorCode; detail?: string } = {};
  try {
    problem = JSON.parse(text) as typeof problem;
  } catch {
    // Something in between has answered; its status tells as much as its page would.
  }
  const { code, detail } = problem;
  const message = detail ?? `${response.url} answered ${response.status} ${response.statusText}`;
  const retryable = response.status === 429 || response.status >= 500;
  return new HeadgateError('REQUEST_FAILED', code === undefined ? message : `${message} (${code})`, {
    retryable,
  });
}

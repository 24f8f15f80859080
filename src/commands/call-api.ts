import { loadConfig } from '../config.js';
import { HeadgateError, messageOf, type ErrorCode } from '../errors.js';
import { assertTenantId } from '../tenants/ids.js';
import { tokenSource } from './token-source.js';

/** Options that every command has which asks the API. */
export interface ApiCommandOptions {
  readonly tenant: string;
  /** Default: this machine, `HEADGATE_PORT`. */
  readonly url?: string;
}

/** The API, as a command talks to it. */
export interface CommandApi {
  /** Asks, and gives the JSON of the answer. */
  call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T>;
  /** Asks for an answer that is read as it comes. */
  stream(path: string): Promise<ReadableStream<Uint8Array>>;
}

/**
 * Opens the API for a command, with a token of the scope.
 * What it gives throws HeadgateError `REQUEST_FAILED`: nobody answers, or the answer is a problem document, whose detail
 * and code it tells.
 */
export function openCommandApi({ tenant, url }: ApiCommandOptions, scope: string): CommandApi {
  const config = loadConfig();
  const base = url ?? `http://${config.host}:${config.port}`;
  const token = tokenSource(config, assertTenantId(tenant), scope);

  async function ask(method: string, path: string, body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' };
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(new URL(path, base), init).catch((error: unknown) => {
      throw unreachable(base, error);
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }

  return {
    call: async <T>(method: 'GET' | 'POST', path: string, body?: object) =>
      (await (await ask(method, path, body)).json()) as T,
    stream: async (path) => {
      const { body } = await ask('GET', path);
      return body ?? new ReadableStream();
    },
  };
}

function unreachable(base: string, error: unknown): HeadgateError {
  const reason = messageOf(error instanceof Error ? (error.cause ?? error) : error);
  const message = `${base} does not answer (${reason}). Is \`headgate start\` running, or is --url another?`;
  return new HeadgateError('REQUEST_FAILED', message, { cause: error });
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
  return new HeadgateError('REQUEST_FAILED', code === undefined ? message : `${message} (${code})`);
}

/** Asks the API that has served this page, with the token of the session. */
import { currentSession, logOut } from './session.js';

/** What the API answers where it does not do what it was asked for. */
export class ApiError extends Error {
  constructor({ status, code, detail, retryAfter }) {
    super(detail);
    this.status = status;
    this.code = code;
    /** Seconds after which it may go well, or undefined. */
    this.retryAfter = retryAfter;
  }
}

/**
 * Asks for something.
 * @param {string} path such as `/v1/subscriptions`
 * @param {{ method?: string, body?: object, query?: object, signal?: AbortSignal, everyTenant?: boolean }} [options]
 *   what is empty in a query is left out; `everyTenant`: of all that an operator reaches, whichever it has chosen
 * @throws {ApiError}
 */
export async function ask(path, options) {
  const response = await open(path, options);
  return response.json();
}

/** Asks for something, and gives the answer before it is read. @throws {ApiError} */
export async function open(path, { method = 'GET', body, query, signal, everyTenant = false } = {}) {
  const asking = currentSession();
  const response = await fetch(`${path}${queryOf(query)}`, {
    method,
    signal,
    cache: 'no-store',
    headers: headersOf(asking, body, everyTenant),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new ApiError({
      status: 0,
      code: 'UNREACHABLE',
      detail: 'Headgate does not answer.',
      retryAfter: 5,
    });
  });
  if (response.ok) return response;
  const problem = await problemOf(response);
  // Of a token that has been replaced meanwhile nothing is to be said.
  if (response.status === 401 && asking === currentSession()) logOut(problem);
  throw problem;
}

/** A part of a path, whatever is in it. */
export const part = (value) => encodeURIComponent(value);

function headersOf(session, body, everyTenant) {
  const named = session?.operator && !everyTenant ? session.tenant : undefined;
  return {
    ...(session?.token !== undefined && { authorization: `Bearer ${session.token}` }),
    ...(named !== undefined && { 'headgate-tenant': named }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
}

function queryOf(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

async function problemOf(response) {
  const { code = `HTTP_${response.status}`, detail = response.statusText } = await response
    .json()
    .catch(() => ({}));
  const retryAfter = Number(response.headers.get('retry-after')) || undefined;
  return new ApiError({ status: response.status, code, detail, retryAfter });
}

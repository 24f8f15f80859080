import { signToken } from '../../src/keys/key-set.js';
import { assertDocumented } from './documented.js';

/** An answer to an operator. */
export interface OperatorAnswer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T & { readonly code?: string; readonly detail?: string };
}

/** How {@link operatorApi} asks. */
export interface Asking {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Claims of the token besides; default: an operator of all tenants, with `tenants:read` and `tenants:write`. */
  readonly as?: Partial<Parameters<typeof signToken>[1]>;
}

/** Asks a node as an operator; each answer has to be as its route describes it. */
export function operatorApi(url: string, dataDir: string) {
  return async <T = Record<string, unknown>>(
    method: string,
    path: string,
    { body, headers = {}, as = {} }: Asking = {},
  ): Promise<OperatorAnswer<T>> => {
    const token = await signToken(dataDir, {
      role: as.tenant === undefined ? 'operator' : undefined,
      scope: 'tenants:read tenants:write',
      subject: 'ops@example.com',
      issuer: 'headgate',
      audience: 'headgate',
      expiresInSeconds: 600,
      ...as,
    });
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const contentType = response.headers.get('content-type');
    assertDocumented({ method, path, status: response.status, contentType, text });
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(text) as OperatorAnswer<T>['body'],
    };
  };
}

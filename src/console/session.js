/**
 * Who is logged in. The token is in the memory of this page alone: it is gone when the page is closed or loaded again, and
 * no other page can read it.
 */
import { useEffect, useState } from 'preact/hooks';

let session;
const listeners = new Set();

/** The session there is, or `{ lost }` with why it has ended, or undefined. */
export function currentSession() {
  return session;
}

function become(next) {
  session = next;
  for (const listener of listeners) listener(next);
}

/**
 * Takes a token. What it says is read to show it: whether it is good only the API can say.
 * @throws {Error} where it is not a token at all
 */
export function logIn(token) {
  const claims = claimsOf(token);
  become({
    token,
    operator: claims.role === 'operator',
    tenants: Array.isArray(claims.tenants) ? claims.tenants.map(String) : undefined,
    tenant: typeof claims.tenant === 'string' ? claims.tenant : undefined,
    subject: typeof claims.sub === 'string' ? claims.sub : undefined,
    scopes: new Set(String(claims.scope ?? '').split(' ')),
  });
}

/** Chooses the tenant that an operator looks at. */
export function chooseTenant(tenant) {
  become({ ...session, tenant });
}

/** Forgets the token. */
export function logOut(lost) {
  become(lost === undefined ? undefined : { lost });
}

/** The session, kept up to date in a component. */
export function useSession() {
  const [value, setValue] = useState(session);
  useEffect(() => {
    listeners.add(setValue);
    setValue(session);
    return () => listeners.delete(setValue);
  }, []);
  return value;
}

/** True where the token says that it allows something. The API checks it in any case. */
export function may(scope) {
  return session?.scopes?.has(scope) === true || session?.scopes?.has('admin') === true;
}

function claimsOf(token) {
  const [, payload] = token.split('.');
  try {
    const bytes = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (each) => each.charCodeAt(0))));
    if (typeof claims === 'object' && claims !== null) return claims;
  } catch {
    // Said below.
  }
  throw new Error(
    'This is not a token. A token has three parts with dots between them, as headgate token prints it.',
  );
}

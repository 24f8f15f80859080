/** Where in the console one is: what comes after the `#`, as in `#/subscriptions/crm?x=1`. */
import { useEffect, useState } from 'preact/hooks';

/** @returns {{ parts: string[], query: Record<string, string> }} */
export function readLocation(hash = globalThis.location.hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?');
  return {
    parts: path.split('/').filter(Boolean).map(decoded),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** The location, kept up to date in a component. */
export function useLocation() {
  const [value, setValue] = useState(() => readLocation());
  useEffect(() => {
    const moved = () => setValue(readLocation());
    globalThis.addEventListener('hashchange', moved);
    return () => globalThis.removeEventListener('hashchange', moved);
  }, []);
  return value;
}

/** The address of a page. */
export function at(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return `#/${parts.map(encodeURIComponent).join('/')}${search}`;
}

/** Goes to a page. */
export function go(parts, query) {
  globalThis.location.hash = at(parts, query);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

import type { System } from './system.js';

/**
 * Asks the API of a system as one of its tenants, and returns the JSON it answers.
 * @throws Error with the answer when that is no 2xx
 */
export async function askApi<T>(
  { url, tenants }: System,
  tenant: number,
  path: string,
  body?: object,
): Promise<T> {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${tenants[tenant]?.token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
}

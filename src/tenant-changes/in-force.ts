import type { TenantRegistry } from '../tenants/config/registry.js';

/** A registry takes a change over in a fraction of a second, a large one in some. */
const WAIT_MS = 5_000;

/**
 * Waits until a registry has a tenant in a version, or has it no more.
 * @param version undefined: it is gone
 * @returns when that was; undefined if it took too long
 */
export function awaitInForce(
  registry: Pick<TenantRegistry, 'get' | 'onChange'>,
  tenant: string,
  version: string | undefined,
  waitMs = WAIT_MS,
): Promise<Date | undefined> {
  const isSo = (): boolean => registry.get(tenant)?.version === version;
  if (isSo()) return Promise.resolve(new Date());
  return new Promise((resolve) => {
    const end = (when?: Date): void => {
      clearTimeout(timer);
      leave();
      resolve(when);
    };
    const timer = setTimeout(end, waitMs);
    const leave = registry.onChange((change) => {
      if (change.tenant === tenant && isSo()) end(new Date());
    });
  });
}

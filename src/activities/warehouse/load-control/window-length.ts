/** A tenant counts as active for this many of its windows. */
const ACTIVE_WINDOWS = 3;
/** However many tenants there are, no window gets longer than this. */
const MAX_WINDOW_MS = 10 * 60 * 1000;

/** The length of the window that a tenant's batch is announced to, in milliseconds. */
export type WindowLength = (tenant: string, configuredMs: number, now: number) => number;

/**
 * Windows cost Temporal about as much as batches, and what it sustains is shared: with more active tenants, whose
 * windows would pass `windowsPerSecond`, windows get longer, doubling the configured length as often as it takes.
 * Freshness in the warehouse is what gives; acknowledgements and decisions do not.
 */
export function createWindowLength(windowsPerSecond: number): WindowLength {
  const activeUntil = new Map<string, number>();
  let sweptAt = 0;

  function sweep(now: number): void {
    for (const [tenant, until] of activeUntil) if (until <= now) activeUntil.delete(tenant);
    sweptAt = now;
  }

  return (tenant, configuredMs, now) => {
    let windowMs = configuredMs;
    while (activeUntil.size > (windowsPerSecond * windowMs) / 1000 && windowMs * 2 <= MAX_WINDOW_MS)
      windowMs *= 2;
    activeUntil.set(tenant, now + ACTIVE_WINDOWS * windowMs);
    if (now - sweptAt > 1_000) sweep(now);
    return windowMs;
  };
}

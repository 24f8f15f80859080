/** The time between two loads after the first answer that says there were too many. */
const FIRST_MS = 60_000;
/** However often it is said. */
const LONGEST_MS = 60 * 60 * 1000;
/** Loads that ran side by side are refused together: that is one refusal. */
const TOGETHER_MS = 5_000;

interface Spacing {
  ms: number;
  /** No load before. */
  nextAt: number;
  refusedAt: number;
  /** A load has been let through and has not ended yet. */
  trying: boolean;
}

/**
 * Slows the loads of a tenant down whose warehouse says that there are too many: one at a time, and the time between two
 * is doubled by each refusal and halved by each load that works, until it is shorter than the first.
 */
export class QuotaBackoff {
  private readonly spacings = new Map<string, Spacing>();

  /**
   * The warehouse has refused a load as one too many.
   * @param retryAfterMs when it asks to be tried again, if it says so
   */
  refused(tenant: string, retryAfterMs: number, now: number): void {
    const before = this.spacings.get(tenant);
    if (before !== undefined && now - before.refusedAt < TOGETHER_MS) return;
    const doubled = before === undefined ? FIRST_MS : 2 * before.ms;
    const ms = Math.min(LONGEST_MS, Math.max(doubled, retryAfterMs));
    this.spacings.set(tenant, { ms, nextAt: now + ms, refusedAt: now, trying: false });
  }

  /** A load has worked. */
  loaded(tenant: string): void {
    const spacing = this.spacings.get(tenant);
    // The streams of a window are loads of their own, and tell no more than the first of them.
    if (spacing === undefined || !spacing.trying) return;
    spacing.trying = false;
    spacing.nextAt -= spacing.ms / 2;
    spacing.ms /= 2;
    if (spacing.ms < FIRST_MS) this.spacings.delete(tenant);
  }

  /** Milliseconds until the tenant's next load may begin; 0 lets it begin now, and the next one after it wait. */
  takeTurn(tenant: string, now: number): number {
    const spacing = this.spacings.get(tenant);
    if (spacing === undefined) return 0;
    if (now < spacing.nextAt) return spacing.nextAt - now;
    spacing.nextAt = now + spacing.ms;
    spacing.trying = true;
    return 0;
  }

  /** The time between two loads of the tenant, in milliseconds; 0 while nothing slows it down. */
  spacingMs(tenant: string): number {
    return this.spacings.get(tenant)?.ms ?? 0;
  }

  /** Forgets a tenant. */
  forget(tenant: string): void {
    this.spacings.delete(tenant);
  }
}

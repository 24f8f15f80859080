/** A window counts as in use for this long after the last batch was announced to one of its length. */
const IN_USE_WINDOWS = 3;

/** Remembers how long the load windows are that tenants' batches are announced to. */
export class WindowsInUse {
  private readonly windows = new Map<string, { readonly windowMs: number; readonly until: number }>();

  constructor(private readonly now: () => number = Date.now) {}

  /** A batch of a tenant was announced to a window of this length. */
  announced(tenant: string, windowMs: number): void {
    this.windows.set(tenant, { windowMs, until: this.now() + IN_USE_WINDOWS * windowMs });
  }

  /** By tenant, in milliseconds; a tenant that has been quiet for some of its windows has none. */
  *lengths(): Iterable<[tenant: string, windowMs: number]> {
    const now = this.now();
    for (const [tenant, { windowMs, until }] of this.windows) {
      if (until > now) yield [tenant, windowMs];
      else this.windows.delete(tenant);
    }
  }
}

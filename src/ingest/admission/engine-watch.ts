import type { EngineStatus } from './admission.js';

/** What {@link EngineWatch} needs. */
export interface EngineWatchOptions {
  /** Rejects when Temporal does not answer; must end on its own. */
  readonly check: () => Promise<void>;
  /** Pause between two checks. Default 2 s. */
  readonly intervalMs?: number;
  readonly now?: () => number;
}

/** Knows since when Temporal has answered, or not; it is taken to be there until a check fails. */
export class EngineWatch {
  private current: EngineStatus;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private readonly now: () => number;

  constructor(private readonly options: EngineWatchOptions) {
    this.now = options.now ?? Date.now;
    this.current = { reachableSince: this.now() };
    this.schedule();
  }

  /** The status as of the last check. */
  get status(): EngineStatus {
    return this.current;
  }

  /** Checks now. */
  async look(): Promise<void> {
    const was = 'reachableSince' in this.current;
    const is = await this.options.check().then(
      () => true,
      () => false,
    );
    if (was !== is) this.current = is ? { reachableSince: this.now() } : { awaySince: this.now() };
  }

  /** Checks no more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** One check after another, however long each takes. */
  private schedule(): void {
    if (this.closed) return;
    this.timer = setTimeout(
      () => void this.look().finally(() => this.schedule()),
      this.options.intervalMs ?? 2_000,
    ).unref();
  }
}

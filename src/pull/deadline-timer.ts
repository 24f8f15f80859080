/** A timer takes no longer time. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One timer for the earliest of many deadlines, in the time of `performance.now()`. */
export class DeadlineTimer {
  private timer?: NodeJS.Timeout;
  private at = Infinity;

  constructor(private readonly onDeadline: () => void) {}

  /** Sets it to another time; `Infinity` for none. */
  set(at: number): void {
    if (at === this.at) return;
    clearTimeout(this.timer);
    this.at = at;
    if (at === Infinity) return;
    const wait = Math.min(Math.max(0, Math.ceil(at - performance.now())), MAX_TIMER_MS);
    this.timer = setTimeout(() => {
      this.at = Infinity;
      this.onDeadline();
    }, wait);
  }
}

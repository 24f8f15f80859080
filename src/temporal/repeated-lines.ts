/** How {@link RepeatedLines} folds. */
export interface RepeatedLinesOptions<Line> {
  /** Gets the latest of the lines that were held back, and their number, once the window is over. */
  readonly onRepeats: (latest: Line, repeated: number) => void;
  readonly windowMs: number;
  /** Keys that are remembered at once; what comes beyond shares one. */
  readonly mostKeys: number;
}

interface Window<Line> {
  readonly timer: NodeJS.Timeout;
  latest?: Line;
  repeated: number;
}

/** The key of lines for which there was no room: no key of a line is empty. */
const OTHERS = '';

/**
 * Folds lines that repeat. The first of a key is written at once and opens a window; those that follow in it are counted, and
 * written as one at its end, which opens the next window. A window in which nothing came forgets the key.
 */
export class RepeatedLines<Line> {
  private readonly windows = new Map<string, Window<Line>>();

  constructor(private readonly options: RepeatedLinesOptions<Line>) {}

  /** True when the line is to be written now. */
  isFirst(key: string, line: Line): boolean {
    const known = this.windows.has(key) || this.windows.size < this.options.mostKeys ? key : OTHERS;
    const window = this.windows.get(known);
    if (window === undefined) {
      this.open(known);
      return true;
    }
    window.latest = line;
    window.repeated++;
    return false;
  }

  /** Writes what was held back. */
  close(): void {
    for (const [key, { timer }] of [...this.windows]) {
      clearTimeout(timer);
      this.end(key, false);
    }
  }

  private open(key: string): void {
    const timer = setTimeout(() => this.end(key, true), this.options.windowMs).unref();
    this.windows.set(key, { timer, repeated: 0 });
  }

  private end(key: string, goesOn: boolean): void {
    const window = this.windows.get(key);
    this.windows.delete(key);
    if (window?.latest === undefined) return;
    if (goesOn) this.open(key);
    this.options.onRepeats(window.latest, window.repeated);
  }
}

/** One line that says what is going on: overwritten on a terminal, now and then a new one elsewhere. */
const QUIET_MS = 10_000;

/** Shows the progress of a case. */
export class Progress {
  private lastShown = -Infinity;
  private lastStage = '';

  constructor(
    private readonly name: string,
    private readonly out: NodeJS.WriteStream = process.stderr,
  ) {}

  /** Shows what is going on now. */
  show(text: string): void {
    const line = `${this.name}: ${text}`;
    if (this.out.isTTY) {
      this.out.write(`\r\x1b[2K${line.slice(0, (this.out.columns ?? 80) - 1)}`);
      return;
    }
    const stage = text.split(':', 1)[0] ?? '';
    const now = performance.now();
    if (stage === this.lastStage && now - this.lastShown < QUIET_MS) return;
    this.lastStage = stage;
    this.lastShown = now;
    this.out.write(`${line}\n`);
  }

  /** Clears the line. */
  end(): void {
    if (this.out.isTTY) this.out.write('\r\x1b[2K');
  }
}

/** How slowly an answer may be read. */
export interface ReaderPace {
  /** Milliseconds that any answer may be waited for in all. Default 30,000. */
  readonly graceMs: number;
  /** What the reader takes besides; time in which it has nothing to take does not count. Default 16,000. */
  readonly minBytesPerSecond: number;
}

const PACE: ReaderPace = { graceMs: 30_000, minBytesPerSecond: 16_000 };

/**
 * Hands on what is to be sent, and watches how fast it is taken.
 * @param onSlow called once the reader has kept it waiting for longer than it may; it should end the reading
 */
export async function* paced(
  lines: AsyncIterable<string>,
  onSlow: () => void,
  { graceMs, minBytesPerSecond }: ReaderPace = PACE,
): AsyncGenerator<string, void, undefined> {
  let bytes = 0;
  let waitedMs = 0;
  for await (const line of lines) {
    bytes += Buffer.byteLength(line);
    const began = performance.now();
    const timer = setTimeout(onSlow, graceMs + (bytes / minBytesPerSecond) * 1000 - waitedMs);
    try {
      yield line;
    } finally {
      clearTimeout(timer);
    }
    waitedMs += performance.now() - began;
  }
}

import { toCloudEvent } from '../cloudevent.js';
import { deliveredEvent } from '../delivered-event.js';
import type { EventRow, Stream } from '../event.js';

const LINE_FEED = 0x0a;

/** The lines of a batch file, as they are in memory: one buffer, and where each line begins. */
export class BatchLines {
  private readonly starts: Uint32Array;

  /** @param content NDJSON of `lines` lines, each with its line feed */
  constructor(
    private readonly content: Buffer,
    readonly lines: number,
    private readonly stream: Stream,
  ) {
    this.starts = new Uint32Array(lines + 1).fill(content.length + 1);
    this.starts[0] = 0;
    for (let line = 1, at = content.indexOf(LINE_FEED); at !== -1 && line <= lines; line++) {
      this.starts[line] = at + 1;
      at = content.indexOf(LINE_FEED, at + 1);
    }
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.content.length;
  }

  /** The event on a line, as subscribers get it. */
  event(line: number): EventRow {
    return deliveredEvent(this.text(line), this.stream);
  }

  /** The same as CloudEvents JSON. */
  json(line: number): string {
    return JSON.stringify(toCloudEvent(this.event(line)));
  }

  private text(line: number): string {
    return this.content.toString('utf8', this.starts[line], this.starts[line + 1]! - 1);
  }
}

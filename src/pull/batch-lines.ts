import { toCloudEvent } from '../events/cloudevent.js';
import { deliveredEvent, HOPS } from '../events/delivered-event.js';
import type { EventRow, Stream } from '../events/event.js';
import { TextLines } from '../events/ndjson.js';

const RECEIVED_AT = ',"received_at":"';
/** With a time of 24 characters, a quote and a brace. */
const TAIL_LENGTH = RECEIVED_AT.length + 26;

/** The lines of a batch file, as they are in memory and as subscribers get them. */
export class BatchLines {
  private readonly texts: TextLines;

  /** @param content NDJSON of `lines` lines */
  constructor(
    private readonly content: Buffer,
    readonly lines: number,
    private readonly stream: Stream,
  ) {
    this.texts = new TextLines(content);
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.content.length;
  }

  /** The event on a line, as subscribers get it. */
  event(line: number): EventRow {
    return deliveredEvent(this.texts.at(line), this.stream);
  }

  /** The same as CloudEvents JSON. */
  json(line: number): string {
    const text = this.texts.at(line);
    return this.rewritten(text) ?? JSON.stringify(toCloudEvent(deliveredEvent(text, this.stream)));
  }

  /**
   * The usual line needs no parsing, which would be most of what an event costs: it has no extension attributes, and ends
   * with the time of receipt. Its last brace closes the event, so that what stands before it is the event's own.
   */
  private rewritten(text: string): string | undefined {
    const tail = text.length - TAIL_LENGTH;
    const usual =
      this.stream !== 'decisions' &&
      text.startsWith(RECEIVED_AT, tail) &&
      text.indexOf('"', tail + RECEIVED_AT.length) === text.length - 2 &&
      !text.includes('"extensions":');
    if (!usual) return undefined;
    return `${text.slice(0, tail)},"${HOPS}":1,"receivedat":"${text.slice(tail + RECEIVED_AT.length)}`;
  }
}

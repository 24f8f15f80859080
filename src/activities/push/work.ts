import { toCloudEvent } from '../../events/cloudevent.js';
import { deliveredEvent } from '../../events/delivered-event.js';
import type { Stream } from '../../events/event.js';
import { traceContextIn, type TraceContext } from '../../events/trace-context.js';
import type { DueLines } from '../deliveries/tally.js';
import type { PushConfig } from '../../tenants/config/subscription-config.js';

/** Body of a request, at most: receivers and what stands before them rarely take more. An event has a quarter of it when it is posted. */
const MAX_BODY_BYTES = 1024 * 1024;

/** An event as it goes into a request's body. */
export interface FormedEvent {
  readonly line: number;
  readonly id: string;
  readonly source: string;
  readonly json: string;
  /** Where it is in a trace, by its attributes; absent where they do not say. */
  readonly trace?: TraceContext;
}

/** Events that go out in one request; of the same number of attempts. */
export interface Portion {
  /** Attempts before this one. */
  readonly attempts: number;
  readonly events: readonly FormedEvent[];
}

/** What {@link Work} is about. */
export interface WorkOptions {
  readonly due: readonly DueLines[];
  readonly lineAt: (line: number) => string;
  readonly stream: Stream;
  readonly config: Pick<PushConfig, 'format' | 'maxEvents'>;
  /** Called with an event that no request can be made of. */
  readonly onUndeliverable: (line: number, attempts: number, detail: string) => void;
}

/**
 * The requests of a pass, in the order they are to be made, formed one at a time so that a batch is not in memory twice.
 * The same events fall into the same requests whenever they are taken in the same order, and so have the same webhook id.
 */
export class Work {
  private readonly again: Portion[] = [];
  private readonly forming: Iterator<Portion>;

  constructor(private readonly options: WorkOptions) {
    this.forming = this.portions();
  }

  /** The next request; undefined when there is none, for now. */
  next(): Portion | undefined {
    const portion = this.again.pop() ?? (this.forming.next().value as Portion | undefined);
    return portion;
  }

  /** Puts a request back that could not be made: it is the next. */
  putBack(portion: Portion): void {
    this.again.push(portion);
  }

  /** Puts the halves of a request in its place, so that what spoils it is found. */
  bisect({ attempts, events }: Portion): void {
    const middle = events.length >> 1;
    this.again.push(
      { attempts, events: events.slice(middle) },
      { attempts, events: events.slice(0, middle) },
    );
  }

  private *portions(): Generator<Portion> {
    const { due, config } = this.options;
    const most = config.format === 'batch' ? config.maxEvents : 1;
    for (const { attempts, lines } of due) {
      let events: FormedEvent[] = [];
      let bytes = 0;
      for (const line of lines) {
        const event = this.form(line, attempts);
        if (event === undefined) continue;
        const size = Buffer.byteLength(event.json) + 1;
        if (events.length === most || bytes + size > MAX_BODY_BYTES) {
          if (events.length > 0) yield { attempts, events };
          [events, bytes] = [[], 0];
        }
        events.push(event);
        bytes += size;
      }
      if (events.length > 0) yield { attempts, events };
    }
  }

  private form(line: number, attempts: number): FormedEvent | undefined {
    const { lineAt, stream, onUndeliverable } = this.options;
    try {
      const row = deliveredEvent(lineAt(line), stream);
      const json = JSON.stringify(toCloudEvent(row));
      const trace = traceContextIn(row.extensions);
      if (Buffer.byteLength(json) < MAX_BODY_BYTES)
        return { line, id: row.id, source: row.source, json, trace };
      onUndeliverable(line, attempts, `The event is larger than ${MAX_BODY_BYTES} bytes.`);
    } catch {
      onUndeliverable(line, attempts, 'The line of the batch file is not an event.');
    }
    return undefined;
  }
}

import type { CloudEvent } from './cloudevent.js';
import { HeadgateError } from './error.js';
import type { InputStream } from './send.js';
import type { PublishedOutcome } from './waiting-events.js';

/** When a publisher sends, and how much may wait for an answer. */
export interface PublisherLimits {
  /** Events of a request, up to 2,500. Default 500: more make a request slower, and hardly an event cheaper. */
  readonly maxBatchEvents: number;
  /** Bytes of a request, up to 4,000,000. Default 500,000: half of what nginx takes by default. */
  readonly maxBatchBytes: number;
  /** How long an event waits for others to go with it. Default 100; 0 sends it at once where no request is under way. */
  readonly maxDelayMs: number;
  /** Events without an answer; beyond them, `publish` throws `QUEUE_FULL`. Default 10,000. */
  readonly maxQueueEvents: number;
  /** The same in bytes of JSON. Default 16,000,000. */
  readonly maxQueueBytes: number;
}

/** How to publish in the background. */
export interface PublisherOptions extends Partial<PublisherLimits> {
  /** What is sent. Default `events`. */
  readonly stream?: InputStream;
  /** The `source` of events that have none of their own. */
  readonly source?: string;
  /** Requests at once. Default 1, which keeps the order of events; with more, batches overtake each other. */
  readonly concurrency?: number;
  /** How often a request is sent again. Default 40, about five minutes; `Infinity` is for ever. */
  readonly retries?: number;
  /** How long one attempt may take. Default 30,000. */
  readonly attemptMs?: number;
  /** How long a process that has nothing else to do stays for what is not sent yet. Default 10,000. */
  readonly exitWithinMs?: number;
  /** Called with each event that Headgate rejects, which it would do again. Default: a warning of the process. */
  readonly onRejected?: (outcome: PublishedOutcome, event: CloudEvent) => void;
  /**
   * Called with the events that Headgate may not have, and why: the server refuses the request (`REQUEST_FAILED`), or time
   * was up (`NOT_SENT`). They have their ids, so they can be published again. Default: a warning of the process.
   */
  readonly onLost?: (error: Error, events: readonly CloudEvent[]) => void;
}

const DEFAULTS = {
  stream: 'events',
  maxBatchEvents: 500,
  maxBatchBytes: 500_000,
  maxDelayMs: 100,
  maxQueueEvents: 10_000,
  maxQueueBytes: 16_000_000,
  concurrency: 1,
  retries: 40,
  attemptMs: 30_000,
  exitWithinMs: 10_000,
  onRejected: ({ code, reason }, { id }) => warn(`Headgate rejects the event ${id}: ${code}, ${reason}`),
  onLost: ({ message }, events) => warn(`${events.length} events may not be published. ${message}`),
} as const satisfies PublisherOptions;

/** Options with their defaults. */
export type CompleteOptions = Required<Omit<PublisherOptions, 'source'>> & Pick<PublisherOptions, 'source'>;

/**
 * Fills in what is left out.
 * @throws HeadgateError `OPTION_INVALID`
 */
export function completeOptions(options: PublisherOptions): CompleteOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const complete: CompleteOptions = { ...DEFAULTS, ...Object.fromEntries(given) };
  for (const name of [
    'maxBatchEvents',
    'maxBatchBytes',
    'maxQueueEvents',
    'maxQueueBytes',
    'concurrency',
  ] as const)
    assertAtLeast(1, name, complete[name]);
  for (const name of ['maxDelayMs', 'retries', 'exitWithinMs'] as const)
    assertAtLeast(0, name, complete[name]);
  assertAtLeast(1, 'attemptMs', complete.attemptMs);
  return complete;
}

function assertAtLeast(least: number, name: string, value: number): void {
  if (typeof value === 'number' && value >= least) return;
  throw new HeadgateError('OPTION_INVALID', `${name} has to be a number, ${least} or more.`);
}

function warn(message: string): void {
  process.emitWarning(message, 'HeadgateWarning');
}

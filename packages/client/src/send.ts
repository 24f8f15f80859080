import { call, type Endpoint } from './call.js';

/** What can be sent: events, or changes of what is known about subjects. */
export type InputStream = 'events' | 'user-properties';

/** What has become of the lines sent so far. */
export interface SendTally {
  lines: number;
  accepted: number;
  duplicate: number;
  rejected: number;
}

/** One rejected line, for the sender's user. */
export interface RejectedLine {
  /** Number of the line among those sent, counted from 1. */
  readonly line: number;
  readonly id?: string;
  readonly reason: string;
}

/** An event that Headgate has: CloudEvents tells events apart by source and id. */
export interface AcknowledgedEvent {
  readonly source: string;
  readonly id: string;
}

/** What {@link sendLines} needs. */
export interface SendOptions extends PostOptions {
  /** CloudEvents as JSON, one a line. */
  readonly lines: AsyncIterable<string> | Iterable<string>;
  /** Events in a request. Default 500. */
  readonly requestEvents?: number;
  /** Called after every answered request; what the tally counts is on Headgate's disk. */
  readonly onAnswered?: (tally: Readonly<SendTally>) => void | Promise<void>;
  readonly onRejected?: (line: RejectedLine) => void;
  /** Called with what an answer calls accepted or duplicate; before `onAnswered`. */
  readonly onAcknowledged?: (events: readonly AcknowledgedEvent[]) => void | Promise<void>;
}

/** How one request is sent. */
export interface PostOptions extends Endpoint {
  readonly stream: InputStream;
  /** Called when the server asks to wait, or cannot be reached. */
  readonly onWaiting?: (reason: string) => void;
  readonly signal?: AbortSignal;
  /** How often it is sent again. Default 40: about five minutes of an unreachable or overloaded server. */
  readonly retries?: number;
  /** How long one attempt may take. Default: as long as `fetch` waits. */
  readonly attemptMs?: number;
  /** True where a wait before another attempt does not keep the process alive. */
  readonly unref?: boolean;
}

/** What has become of one event. */
export interface EventOutcome {
  /** Its place among those sent, counted from 0. */
  readonly index: number;
  readonly id?: string;
  /** Accepted and duplicate are on Headgate's disk. */
  readonly status: 'accepted' | 'duplicate' | 'rejected';
  /** Why it is rejected: a stable code, and words. */
  readonly code?: string;
  readonly reason?: string;
  /** With the code `schema_violation`: where in the event's data, a JSON pointer. */
  readonly pointer?: string;
}

/** What a request is answered with. */
export interface PostAnswer {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly results: readonly EventOutcome[];
}

const MAX_REQUEST_BYTES = 1_000_000;
const RETRIES = 40;

/**
 * Sends lines as NDJSON, one request at a time and so in order. A request that gets no answer, 408, 429 or 5xx is sent
 * again after the time the server asks for: its events carry their ids, so nothing doubles.
 * @throws HeadgateError `REQUEST_FAILED` on an answer that a retry does not help
 */
export async function sendLines(options: SendOptions): Promise<SendTally> {
  const tally: SendTally = { lines: 0, accepted: 0, duplicate: 0, rejected: 0 };
  for await (const request of groupLines(options.lines, options.requestEvents ?? 500)) {
    const answer = await postLines(options, request);
    for (const { index, id, status, reason } of answer.results) {
      if (status === 'rejected')
        options.onRejected?.({ line: tally.lines + index + 1, id, reason: reason ?? 'unknown' });
    }
    await options.onAcknowledged?.(acknowledged(request, answer));
    tally.lines += request.length;
    tally.accepted += answer.accepted;
    tally.duplicate += answer.duplicate;
    tally.rejected += answer.rejected;
    await options.onAnswered?.(tally);
  }
  return tally;
}

/** The server counts lines that are not blank. */
function acknowledged(lines: readonly string[], { results }: PostAnswer): AcknowledgedEvent[] {
  const sent = lines.filter((line) => line.trim() !== '');
  const taken = results.filter(({ status }) => status !== 'rejected');
  return taken.map(({ index }) => {
    const { source, id } = JSON.parse(sent[index]!) as AcknowledgedEvent;
    return { source, id };
  });
}

/** Groups lines into requests: `maxEvents` events, a megabyte at most. */
export async function* groupLines(
  lines: AsyncIterable<string> | Iterable<string>,
  maxEvents: number,
): AsyncIterable<string[]> {
  let group: string[] = [];
  let bytes = 0;
  for await (const line of lines) {
    if (group.length > 0 && (group.length >= maxEvents || bytes + line.length > MAX_REQUEST_BYTES)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(line);
    bytes += line.length;
  }
  if (group.length > 0) yield group;
}

/**
 * Posts lines as one request, again and again while another try may help.
 * @throws HeadgateError `REQUEST_FAILED` on an answer that a retry does not help
 */
export function postLines(options: PostOptions, lines: readonly string[]): Promise<PostAnswer> {
  const { stream, signal, retries = RETRIES, attemptMs, unref, onWaiting } = options;
  return call(options, {
    path: `/v1/${stream}`,
    body: `${lines.join('\n')}\n`,
    contentType: 'application/x-ndjson',
    signal,
    read: readAnswer,
    retries,
    attemptMs,
    unref,
    onWaiting,
  });
}

/** 422 says that no event was acceptable; its results say why, one by one. */
function readAnswer(status: number, body: unknown): PostAnswer | undefined {
  const { results } = (body ?? {}) as Partial<PostAnswer>;
  return (status === 202 || status === 422) && Array.isArray(results) ? (body as PostAnswer) : undefined;
}

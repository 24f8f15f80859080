/** The streams a producer can post to. */
export const INPUT_STREAMS = ['events', 'user-properties'] as const;

/** A stream a producer can post to. */
export type InputStream = (typeof INPUT_STREAMS)[number];

/** Any stream: what producers post, and what Headgate derives from it. */
export type Stream = InputStream | 'decisions';

/** Every stream, in the order they are shown. */
export const STREAMS: readonly Stream[] = [...INPUT_STREAMS, 'decisions'];

/** A value a CloudEvents extension attribute can have in JSON. */
export type ExtensionValue = string | number | boolean;

/**
 * One event in canonical form: a line of a batch file and a row of the warehouse. The names are the CloudEvents 1.0
 * attribute names; extension attributes other than `priority` and `stage` are kept under `extensions`.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export interface EventRow {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** RFC 3339, as the producer wrote it; the time of receipt if it gave none. */
  readonly time: string;
  /** The user or thing the event is about; decisions are made per subject. */
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly priority?: string;
  readonly stage?: string;
  readonly extensions?: Readonly<Record<string, ExtensionValue>>;
  /** The payload: any JSON value, or text where the content type is text. */
  readonly data?: unknown;
  /** The payload in base64 where it is neither JSON nor text. */
  readonly data_base64?: string;
  /** RFC 3339, UTC: when Headgate took the event. */
  readonly received_at: string;
}

/** What a rule said about a subject on an event. */
export type Outcome = 'eligible' | 'ineligible';

/** One evaluation of one rule on one event: a line of a `decisions` batch file, which has the id of the events' batch, and a row of the warehouse. */
export interface DecisionRow {
  /**
   * `<event id>:<rule>:<rule version>:<key of the event's source>`: the same event under the same rule version is one
   * decision, however often it is evaluated. Those of version 0.1.0 end with the rule's version.
   */
  readonly id: string;
  readonly event_id: string;
  /** The event's source; absent in decisions of version 0.1.0. */
  readonly event_source?: string;
  readonly subject: string | null;
  readonly rule: string;
  readonly rule_version: string;
  readonly outcome: Outcome;
  readonly reason: string;
  /** The event's time, RFC 3339. */
  readonly time: string;
}

/** What names a batch file: its place follows from these three. */
export interface BatchName {
  readonly tenant: string;
  readonly stream: Stream;
  readonly batchId: string;
}

/**
 * A reference to a batch file: all that a workflow carries of the events (claim check). The file's place follows from
 * tenant, stream and batch id.
 */
export interface BatchRef {
  readonly tenant: string;
  readonly stream: Stream;
  readonly batchId: string;
  /** Events (lines) in the file. */
  readonly events: number;
  /** Bytes of the gzipped file. */
  readonly bytes: number;
  /** SHA-256 of the gzipped file, hex. */
  readonly sha256: string;
  /** The id of the batch store that the file was written to, 16 hex digits; absent in references of earlier versions. */
  readonly store?: string;
  /** When the oldest of its events was received, milliseconds since the epoch; absent in references of earlier versions. */
  readonly receivedAt?: number;
  /** `traceparent` of the span that has started it; absent where it is not traced. */
  readonly trace?: string;
}

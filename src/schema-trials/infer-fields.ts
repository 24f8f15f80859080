import { INPUT_STREAMS, type EventRow, type InputStream } from '../events/event.js';
import { textLines } from '../events/ndjson.js';
import { unlessUnreadable, type BatchStore } from '../stores/batch-store/batch-store.js';
import type { PromotedType } from '../events/promoted-field.js';
import { isCopy } from '../tenants/ids.js';
import { dayOf } from '../platform/time.js';

/** What a value of JSON is, as far as columns tell it apart. */
export type ValueKind = PromotedType | 'null' | 'array' | 'object';

/** A field of the data of one event type, as kept events have it. */
export interface FieldTally {
  /** The keys that lead to it. */
  readonly path: readonly string[];
  /** How many values of each kind there are; kinds that none has are missing. */
  readonly kinds: Readonly<Partial<Record<ValueKind, number>>>;
  /** Characters of the longest text. */
  readonly longest: number;
  /** A value of it as JSON, shortened. */
  readonly sample: string;
}

/** The events of one type. */
export interface TypeTally {
  readonly stream: InputStream;
  readonly type: string;
  readonly events: number;
  /** In the order in which they were first seen. */
  readonly fields: readonly FieldTally[];
}

/** What is in a tenant's kept events. */
export interface KeptFields {
  readonly events: number;
  /** The most frequent first. */
  readonly types: readonly TypeTally[];
  /** Events of types beyond {@link LIMITS}, which were not looked into. */
  readonly typesLeftOut: number;
  /** Values of fields beyond {@link LIMITS}, or deeper than that. */
  readonly fieldsLeftOut: number;
  /** Batch files that could not be read: damaged, or deleted meanwhile. */
  readonly unreadable: number;
}

/** What {@link inferFields} looks at. */
export interface InferFieldsOptions {
  readonly store: Pick<BatchStore, 'list' | 'open'>;
  readonly tenant: string;
  /** Receipt, milliseconds since the epoch: from this one on. */
  readonly from: number;
  /** Up to this one, which is not included. */
  readonly to: number;
  /** Called with each batch file that was read, with the events so far. */
  readonly onRead?: (files: number, events: number) => void;
}

/** How much is remembered: keys of data may be ids, of which there is no end. */
const LIMITS = { types: 500, fieldsOfType: 500, fields: 20_000, depth: 6, sample: 60 } as const;

/** RFC 3339, as a column of timestamps takes it. */
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Tallies the fields of a tenant's kept events by event type, and changes nothing. One batch file is in memory at a time. */
export async function inferFields(options: InferFieldsOptions): Promise<KeptFields> {
  const { store, tenant, from, to } = options;
  const tallies = new Tallies();
  let [files, unreadable] = [0, 0];
  for (const stream of INPUT_STREAMS) {
    const day = dayOf(Math.max(0, from));
    // A batch is never made before its events come, but maybe the day after.
    for await (const name of store.list({ tenant, stream, from: day })) {
      if (isCopy(name.batchId)) continue;
      const opened = await unlessUnreadable(store.open(name));
      if (opened === undefined) unreadable++;
      for (const line of opened === undefined ? [] : textLines(opened.ndjson)) {
        const event = eventOf(line);
        const received = Date.parse(event?.received_at ?? '');
        if (event !== undefined && received >= from && received < to) tallies.add(stream, event);
      }
      options.onRead?.(++files, tallies.events);
    }
  }
  return { ...tallies.result(), unreadable };
}

/** A line that is not an event is a dead letter of the warehouse. */
function eventOf(line: string): EventRow | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as EventRow);
  } catch {
    return undefined;
  }
}

interface OpenField {
  readonly path: readonly string[];
  readonly kinds: Partial<Record<ValueKind, number>>;
  longest: number;
  sample: string;
}

interface OpenType {
  readonly stream: InputStream;
  readonly type: string;
  events: number;
  readonly fields: Map<string, OpenField>;
}

/** The tallies while they grow. */
class Tallies {
  events = 0;
  private fields = 0;
  private typesLeftOut = 0;
  private fieldsLeftOut = 0;
  private readonly types = new Map<string, OpenType>();

  add(stream: InputStream, { type, data }: EventRow): void {
    this.events++;
    const name = `${stream}/${type}`;
    let tally = this.types.get(name);
    if (tally === undefined) {
      if (this.types.size >= LIMITS.types) return void this.typesLeftOut++;
      tally = { stream, type, events: 0, fields: new Map() };
      this.types.set(name, tally);
    }
    tally.events++;
    this.addMembers(tally, [], data);
  }

  private addMembers(tally: OpenType, path: readonly string[], value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [key, member] of Object.entries(value)) this.addField(tally, [...path, key], member);
  }

  private addField(tally: OpenType, path: readonly string[], value: unknown): void {
    const name = JSON.stringify(path);
    let field = tally.fields.get(name);
    if (field === undefined) {
      const full = tally.fields.size >= LIMITS.fieldsOfType || this.fields >= LIMITS.fields;
      if (full || path.length > LIMITS.depth) return void this.fieldsLeftOut++;
      field = { path, kinds: {}, longest: 0, sample: '' };
      tally.fields.set(name, field);
      this.fields++;
    }
    const kind = kindOf(value);
    field.kinds[kind] = (field.kinds[kind] ?? 0) + 1;
    if (typeof value === 'string') field.longest = Math.max(field.longest, value.length);
    if (field.sample === '' && value !== null) field.sample = JSON.stringify(value).slice(0, LIMITS.sample);
    this.addMembers(tally, path, value);
  }

  result(): Omit<KeptFields, 'unreadable'> {
    const { events, typesLeftOut, fieldsLeftOut } = this;
    const types = [...this.types.values()]
      .map((tally) => ({ ...tally, fields: [...tally.fields.values()] }))
      .sort((a, b) => b.events - a.events);
    return { events, types, typesLeftOut, fieldsLeftOut };
  }
}

function kindOf(value: unknown): ValueKind {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'string')
    return RFC_3339.test(value) && !Number.isNaN(Date.parse(value)) ? 'timestamp' : 'text';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'number';
  return typeof value === 'boolean' ? 'boolean' : 'object';
}

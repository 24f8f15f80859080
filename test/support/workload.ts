import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InputStream } from '../../src/events/event.js';
import type { Isolation } from '../../src/tenants/queues.js';

/** Few, so that each has many events: state that is lost or doubled shows at once. */
const SUBJECTS = 12;
/** One request in this many brings user properties. */
const PROPERTIES_EVERY = 4;
/** One event in this many is of a type that no rule concerns. */
const UNRULED_EVERY = 10;
const LARGE = 50;
const BEGIN = Date.UTC(2024, 0, 1);

/** An event of the workload, as a producer sends it. */
export interface WorkloadEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One request's worth of events. */
export interface WorkloadRequest {
  readonly stream: InputStream;
  readonly events: readonly WorkloadEvent[];
}

interface SubjectModel {
  orders: number;
  spent: number;
  revision: number;
  /** Latest order of the subject. */
  last?: { readonly id: string; readonly large: boolean };
}

/** The rules of {@link writeWorkloadTenant}: an event says itself what the state must be when it is decided on. */
export const WORKLOAD_RULES = ['counted', 'summed', 'current', 'large'] as const;

/**
 * An endless stream of requests of one tenant, the same for the same name, and what must come of what has been sent: an
 * event carries how many orders its subject has by then, their sum, and the revision its profile must have reached. An
 * event that is lost, applied twice or out of order makes the rules that compare them `ineligible` from there on.
 */
export class Workload {
  /** Ids of all events sent, by stream. */
  readonly ids: Record<InputStream, string[]> = { events: [], 'user-properties': [] };
  /** `<event id> <rule>` → outcome, of all events sent. */
  readonly decisions = new Map<string, 'eligible' | 'ineligible'>();
  readonly subjects = new Map<string, SubjectModel>();
  /** Characters that each property event carries besides, which then stay in its subject's profile. */
  padding = 0;
  private readonly names: readonly string[];
  /** The last request, which {@link again} gives once more. */
  private last?: WorkloadRequest;
  private requests = 0;
  private count = 0;

  constructor(
    readonly tenant: string,
    /** Events in a request of events from now on. */
    public eventsPerRequest = 20,
    subjects = SUBJECTS,
  ) {
    for (let index = 0; index < subjects; index++)
      this.subjects.set(`${tenant} subject ${index}`, { orders: 0, spent: 0, revision: 0 });
    this.names = [...this.subjects.keys()];
  }

  /** The next request, which from now on counts as sent. */
  next(): WorkloadRequest {
    const properties = this.requests++ % PROPERTIES_EVERY === 0;
    const stream = properties ? 'user-properties' : 'events';
    const subjects = Array.from({ length: this.eventsPerRequest }, (_, index) =>
      this.subject(this.count + index),
    );
    const events = subjects.map((subject) => (properties ? this.property(subject) : this.event(subject)));
    for (const { id } of events) this.ids[stream].push(id);
    return (this.last = { stream, events });
  }

  /** The request that was made last, for a producer that has had no answer to it. */
  again(): WorkloadRequest {
    return this.last ?? this.next();
  }

  private subject(number: number): string {
    return this.names[number % this.names.length] as string;
  }

  private property(subject: string): WorkloadEvent {
    const model = this.modelOf(subject);
    model.revision++;
    const pad = this.padding > 0 ? { pad: 'x'.repeat(this.padding) } : {};
    return this.envelope('customer.changed', subject, { revision: model.revision, ...pad });
  }

  private event(subject: string): WorkloadEvent {
    if (this.count % UNRULED_EVERY === 0) return this.envelope('page.viewed', subject, {});
    const model = this.modelOf(subject);
    // No pattern that comes round with the subjects, and no chance.
    const amount = (this.count * 7919) % 101;
    model.orders++;
    model.spent += amount;
    const { orders: nth, spent: total, revision } = model;
    const event = this.envelope('order.placed', subject, { amount, nth, total, revision });
    model.last = { id: event.id, large: amount >= LARGE };
    for (const rule of WORKLOAD_RULES)
      this.decisions.set(`${event.id} ${rule}`, outcomeOf(rule, model.last.large));
    return event;
  }

  private envelope(type: string, subject: string, data: WorkloadEvent['data']): WorkloadEvent {
    const at = this.count++;
    const time = new Date(BEGIN + at * 100).toISOString();
    return { specversion: '1.0', id: `${this.tenant}-${at}`, source: '/workload', type, subject, time, data };
  }

  private modelOf(subject: string): SubjectModel {
    return this.subjects.get(subject) as SubjectModel;
  }
}

/** What a rule of the workload says on an order. */
export function outcomeOf(rule: (typeof WORKLOAD_RULES)[number], large: boolean): 'eligible' | 'ineligible' {
  return rule !== 'large' || large ? 'eligible' : 'ineligible';
}

/** Writes a tenant's file with the workload's rules, and what else it is to say, into `directory`; JSON is YAML. */
export function writeWorkloadTenant(
  directory: string,
  tenant: string,
  isolation: Isolation,
  more: object = {},
): void {
  const on = ['order.placed'];
  const config = {
    tenant,
    isolation,
    limits: { eventsPerSecond: 1_000_000, bytesPerSecond: '1GB' },
    warehouse: { window: '1s' },
    aggregates: {
      orders: { on, op: 'count', window: '24h' },
      spent: { on, op: 'sum', value: 'event.data.amount', window: '24h' },
    },
    rules: [
      { name: 'counted', on, when: 'aggregates.orders == event.data.nth' },
      { name: 'summed', on, when: 'aggregates.spent == event.data.total' },
      // Not the same: properties that came after an event may be known by the time it is decided on.
      { name: 'current', on, when: 'event.data.revision == 0 || profile.revision >= event.data.revision' },
      { name: 'large', on, when: `event.data.amount >= ${LARGE}` },
    ],
    ...more,
  };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${tenant}.yaml`), JSON.stringify(config));
}

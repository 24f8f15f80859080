import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { decideChunk, newSubjectRecord } from '../../src/eligibility/decide-chunk.js';
import type { EventRow, InputStream } from '../../src/events/event.js';
import type { StateStore, SubjectRecord } from '../../src/stores/state/state-store.js';
import { openIngress, type Ingress, type UnpackedRecord } from '../support/ingress.js';
import { event, linesOf, rulesOf } from '../support/events.js';
import { faultyDiskBeneath, type FaultyDisk } from '../support/faulty-disk.js';
import type { Gate } from '../support/gate.js';
import { overStateStores } from '../support/state-stores.js';
import { until } from '../support/until.js';

const TENANTS = ['UA', 'DL'] as const;
const SUBJECTS = ['N1', 'N2', 'N3'] as const;
const SOON_MS = 60_000;

interface Request {
  readonly tenant: string;
  readonly stream: InputStream;
  readonly rows: readonly EventRow[];
}

type Step =
  | {
      readonly send: Omit<Request, 'rows'> & {
        readonly subjects: readonly string[];
        readonly merged?: string;
      };
    }
  /** The next append fails. */
  | 'fails'
  /** Writes wait from now on; no longer. */
  | 'holds'
  | 'opens'
  /** Time goes by: a few turns of the event loop, or a checkpoint's rest. */
  | 'turns'
  | 'rests'
  | 'crashes'
  | 'stops';

const send = fc.record({
  send: fc.record({
    tenant: fc.constantFrom(...TENANTS),
    stream: fc.constantFrom<InputStream>('events', 'events', 'events', 'user-properties'),
    subjects: fc.array(fc.constantFrom(...SUBJECTS), { minLength: 1, maxLength: 8 }),
    /** Merged into the first of the subjects, where it is user properties. */
    merged: fc.option(fc.constantFrom(...SUBJECTS), { nil: undefined, freq: 3 }),
  }),
});

const calm: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: send },
  { weight: 3, arbitrary: fc.constantFrom('turns' as const, 'rests' as const) },
  { weight: 1, arbitrary: fc.constantFrom('crashes' as const, 'stops' as const) },
);
const rough: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: calm },
  { weight: 2, arbitrary: fc.constantFrom('fails' as const, 'holds' as const, 'opens' as const) },
);

/** An ingress that is opened again and again in one directory, with producers that want every event kept. */
class Life {
  readonly directory = mkdtempSync(join(tmpdir(), 'headgate-crash-'));
  /** What has come out of the spool, by sequence number. */
  readonly out = new Map<number, UnpackedRecord>();
  private readonly requests: Request[] = [];
  private sending: Promise<unknown>[] = [];
  private ingress!: Ingress;
  private disk!: FaultyDisk;
  private held?: Gate;
  private events = 0;

  constructor(private readonly openState: () => Promise<StateStore>) {}

  async open(): Promise<void> {
    this.ingress = await openIngress(this.directory, {
      restMs: 1,
      openState: this.openState,
      onBatch: (_plan, records, chunks) => {
        for (const [n, { seq }] of chunks.entries()) this.take(seq, records[n]!);
      },
    });
    this.disk = faultyDiskBeneath(this.ingress.spool);
  }

  async step(step: Step): Promise<void> {
    if (typeof step === 'object') this.send(step.send);
    else if (step === 'fails') this.disk.failNext();
    else if (step === 'holds') {
      this.letGo();
      this.held = this.disk.hold();
    } else if (step === 'opens') this.letGo();
    else if (step === 'turns') for (let n = 0; n < 5; n++) await new Promise(setImmediate);
    else if (step === 'rests') await new Promise((rested) => setTimeout(rested, 3));
    else {
      // What is being answered is answered; the rest is what the next life finds.
      this.letGo();
      await Promise.allSettled(this.sending);
      await (step === 'crashes' ? this.ingress.crash() : this.ingress.close());
      await this.open();
    }
  }

  /** Waits until all that was sent has been taken, as producers do that try again, and has come out. */
  async end(): Promise<void> {
    this.disk.failNext(0);
    this.letGo();
    await Promise.allSettled(this.sending);
    for (const request of this.requests) await until(() => this.post(request), SOON_MS);
    await this.ingress.drained();
  }

  close(): Promise<void> {
    return this.ingress.close().finally(() => rmSync(this.directory, { recursive: true }));
  }

  subject(tenant: string, subject: string): Promise<SubjectRecord | undefined> {
    return this.ingress.decider.subject(tenant, subject);
  }

  get sent(): number {
    return this.events;
  }

  private letGo(): void {
    this.held?.open();
    this.disk.letGo();
  }

  private send({ subjects, merged, ...where }: Extract<Step, object>['send']): void {
    const rows = subjects.map((subject, at) => {
      const n = this.events++;
      const isMerging = at === 0 && merged !== undefined && where.stream === 'user-properties';
      const extensions = isMerging ? { mergesubject: merged } : undefined;
      return event(`e${n}`, n % 50, { subject, data: { seats: n }, extensions });
    });
    const request = { ...where, rows };
    this.requests.push(request);
    const sending = this.post(request);
    sending.catch(() => undefined);
    this.sending.push(sending);
  }

  private post({ tenant, stream, rows }: Request): Promise<unknown> {
    return this.ingress.accept(tenant, stream, rows);
  }

  private take(seq: number, { head, events, decisions }: UnpackedRecord): void {
    const copy = (view: Buffer) => Buffer.from(view);
    const record = { head, events: copy(events), decisions: copy(decisions) };
    const before = this.out.get(seq);
    if (before !== undefined) assert.deepEqual(record, before, 'a number has named two chunks');
    this.out.set(seq, record);
  }
}

/** The state, and the decisions by chunk, of a process that never stopped and got the same chunks in the same order. */
function neverStopped(out: ReadonlyMap<number, UnpackedRecord>): {
  subjects: Map<string, SubjectRecord>;
  decisions: Map<number, string>;
} {
  const rules = rulesOf();
  const subjects = new Map<string, SubjectRecord>();
  const decisions = new Map<number, string>();
  for (const [seq, { head, events }] of [...out].sort(([left], [right]) => left - right)) {
    const recordOf = (subject: string): SubjectRecord => {
      const key = `${head.tenant}/${subject}`;
      const record = subjects.get(key) ?? newSubjectRecord();
      subjects.set(key, record);
      return record;
    };
    const rows = linesOf<EventRow>(events);
    const decided = decideChunk(head.stream, rows, rules, recordOf, (_event, error) => {
      throw error;
    });
    decisions.set(seq, decided.ndjson);
  }
  return { subjects, decisions };
}

async function live(steps: readonly Step[], openState: () => Promise<StateStore>): Promise<Life> {
  const life = new Life(openState);
  await life.open();
  for (const step of steps) await life.step(step);
  await life.end();
  return life;
}

async function assertSame(life: Life, subjects: ReadonlyMap<string, SubjectRecord>): Promise<void> {
  for (const tenant of TENANTS)
    for (const subject of SUBJECTS)
      assert.equal(
        JSON.stringify(await life.subject(tenant, subject)),
        JSON.stringify(subjects.get(`${tenant}/${subject}`)),
        `${tenant}/${subject}`,
      );
}

function assertEachOnce(life: Life): void {
  const ids = [...life.out.values()].flatMap(({ events }) => linesOf<EventRow>(events).map(({ id }) => id));
  assert.equal(ids.length, life.sent);
  assert.equal(new Set(ids).size, life.sent);
}

overStateStores('a node, whenever it stops', function (kind) {
  this.timeout(240_000);
  const where = kind.use();
  let lives = 0;

  /** The state of a life of its own. */
  function newState(): () => Promise<StateStore> {
    const place = where(lives++);
    return () => kind.open(place);
  }

  it('has the state and the decisions of one that never did, and every event once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(calm, { maxLength: 40 }), async (steps) => {
        const life = await live(steps, newState());
        try {
          assertEachOnce(life);
          const { subjects, decisions } = neverStopped(life.out);
          await assertSame(life, subjects);
          for (const [seq, record] of life.out)
            assert.equal(record.decisions.toString(), decisions.get(seq), `decisions of chunk ${seq}`);
        } finally {
          await life.close();
        }
      }),
      { numRuns: 25 },
    );
  });

  it('and whatever its disk refuses, has the state of what was taken, and every event once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rough, { maxLength: 40 }), async (steps) => {
        const life = await live(steps, newState());
        try {
          assertEachOnce(life);
          const { subjects } = neverStopped(life.out);
          await assertSame(life, subjects);
          await life.step('stops');
          await assertSame(life, subjects);
        } finally {
          await life.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});

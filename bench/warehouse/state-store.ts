import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Checkpoints } from '../../src/eligibility/checkpoints.js';
import { Decider } from '../../src/eligibility/decider.js';
import { HeadgateError } from '../../src/errors.js';
import type { EventRow } from '../../src/events/event.js';
import { createLogger } from '../../src/platform/logger.js';
import { compileRules } from '../../src/rules/compile.js';
import { openLmdbStateStore } from '../../src/stores/state/lmdb.js';
import { openPostgresStateStore } from '../../src/stores/state/postgres.js';
import { parsePostgresUrl } from '../../src/stores/state/postgres-place.js';
import type { StateStore } from '../../src/stores/state/state-store.js';
import { parseTenantConfig } from '../../src/tenants/config/parse.js';
import { subjectName } from '../load/event-writer.js';
import { Meter } from '../system/meter.js';
import { findPostgres, startPostgres, type PostgresServer } from '../system/postgres.js';
import { processTree } from '../system/processes.js';
import { tenantNames, tenantYaml } from '../system/tenants.js';

/** What {@link measureStateStore} is to do. */
export interface StateStoreRun {
  readonly store: 'LMDB' | 'Postgres';
  /** Subjects, of all tenants together; each event is about one of them, drawn evenly. */
  readonly subjects: number;
  /** For how long events come; the last checkpoint is waited for, and counts. */
  readonly seconds: number;
}

/** What a state store has taken. CPU in seconds for each 100,000 events; null where it cannot be read. */
export interface StateStoreFigures extends StateStoreRun {
  readonly events: number;
  /** Decided on, and durable in the state. */
  readonly eventsPerSecond: number;
  readonly ownCpuSeconds: number;
  /** Of all processes of the Postgres server; 0 with LMDB, which has none. */
  readonly serverCpuSeconds: number | null;
  readonly checkpoints: number;
  /** Subjects in all checkpoints: what changes again before its turn is written once. */
  readonly subjectsWritten: number;
  /** Subjects that were read back, since memory does not hold all of them; null with LMDB, where it is not counted. */
  readonly subjectsRead: number | null;
  /** Characters of a subject's JSON, in the mean. */
  readonly recordChars: number;
}

const TENANTS = 4;
const EVENTS_PER_REQUEST = 100;
/** Requests that are being taken at once, as many as producers would have open. */
const REQUESTS_AT_ONCE = 64;
const WAIT_WHEN_FULL_MS = 20;
const PER = 100_000;
const FLIGHTS = fileURLToPath(new URL('../../examples/flights/flights.ndjson.gz', import.meta.url));

/**
 * Measures how many events a second are decided on and made durable in the state: the decider, its checkpoints and the
 * store, without the API before them and the spool beside them. Every subject is there when it begins.
 * @returns undefined where Postgres is to be measured and is not installed
 */
export async function measureStateStore(run: StateStoreRun): Promise<StateStoreFigures | undefined> {
  const programs = findPostgres();
  if (run.store === 'Postgres' && programs === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'headgate-bench-state-'));
  const server = run.store === 'Postgres' ? await startPostgres(programs as string) : undefined;
  try {
    const counted = counting(await openStore(directory, server));
    const deciding = new Deciding(counted.store);
    await deciding.prepare(run.subjects);
    Object.assign(counted.counts, { checkpoints: 0, written: 0, chars: 0, read: 0 });
    const meter = new Meter(() => ({ server: server?.pid === undefined ? [] : processTree(server.pid) }));
    const cpu = process.cpuUsage();
    const began = performance.now();
    const events = await deciding.take(run.subjects, run.seconds * 1_000);
    await deciding.stop();
    const seconds = (performance.now() - began) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const { server: used } = meter.stop();
    await counted.store.close();
    const { checkpoints, written, read, chars } = counted.counts;
    const perEvents = (value: number): number => Math.round((value / events) * PER * 100) / 100;
    return {
      ...run,
      events,
      eventsPerSecond: Math.round(events / seconds),
      ownCpuSeconds: perEvents((user + system) / 1e6),
      serverCpuSeconds: used?.cpuSeconds == null ? null : perEvents(used.cpuSeconds),
      checkpoints,
      subjectsWritten: written,
      subjectsRead: server === undefined ? null : read,
      recordChars: Math.round(chars / Math.max(1, written)),
    };
  } finally {
    await server?.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function openStore(directory: string, server: PostgresServer | undefined): Promise<StateStore> {
  if (server === undefined) return openLmdbStateStore(directory);
  const place = parsePostgresUrl(server.url());
  if ('problem' in place) throw new Error(place.problem);
  const onFatal = (reason: string): void => {
    throw new Error(reason);
  };
  return openPostgresStateStore(place, { log: createLogger('silent'), onFatal });
}

/** The store, and what has gone in and out of it. */
function counting(store: StateStore) {
  const counts = { checkpoints: 0, written: 0, chars: 0, read: 0 };
  const counted: StateStore = {
    subjectNow: store.subjectNow,
    watermark: (tenant) => store.watermark(tenant),
    highestWatermark: () => store.highestWatermark(),
    resync: () => store.resync(),
    forgetTenant: (tenant) => store.forgetTenant(tenant),
    close: () => store.close(),
    subjects: (names) => {
      counts.read += names.length;
      return store.subjects(names);
    },
    checkpoint: async (checkpoint) => {
      await store.checkpoint(checkpoint);
      counts.checkpoints++;
      counts.written += checkpoint.subjects.length;
      for (const { json } of checkpoint.subjects) counts.chars += json.length;
    },
  };
  return { store: counted, counts };
}

/** The decider over a store, and requests of the benchmark's events to it. */
class Deciding {
  private readonly tenants = tenantNames(TENANTS);
  private readonly rules = new Map(
    this.tenants.map((name) => [name, compileRules(parseTenantConfig(tenantYaml(name), 'bench.yaml'))]),
  );
  private readonly decider: Decider;
  private readonly checkpoints: Checkpoints;
  private readonly templates = readEvents();
  private made = 0;
  private seq = 0;
  private requests = 0;

  constructor(store: StateStore) {
    this.decider = new Decider({
      store,
      rulesOf: (tenant) => this.rules.get(tenant),
      chunks: () => [],
      eventsOf: () => Promise.resolve([]),
      onChange: () => this.checkpoints.changed(),
      onFault: (_event, error) => {
        throw error;
      },
    });
    this.checkpoints = new Checkpoints({
      decider: this.decider,
      store,
      log: createLogger('warn'),
      spooled: () => Promise.resolve(),
      onDurable: () => undefined,
    });
  }

  /** Makes every subject there is. */
  async prepare(subjects: number): Promise<void> {
    for (let from = 0; from * TENANTS < subjects; from += EVENTS_PER_REQUEST)
      for (let of = 0; of < TENANTS; of++) {
        await this.accept(
          of,
          this.rowsOf(of, (n) => from + n),
        );
        await nextTurn();
      }
    while (this.decider.advancing > 0 || this.decider.subjects.changed > 0) await delay(WAIT_WHEN_FULL_MS);
  }

  /** Takes events for a while; gives how many. */
  async take(subjects: number, ms: number): Promise<number> {
    const deadline = performance.now() + ms;
    const each = Math.floor(subjects / TENANTS);
    let taken = 0;
    const produce = async (): Promise<void> => {
      while (performance.now() < deadline) {
        const of = this.requests++ % TENANTS;
        await this.accept(
          of,
          this.rowsOf(of, () => Math.floor(Math.random() * each)),
        );
        taken += EVENTS_PER_REQUEST;
        await nextTurn();
      }
    };
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, produce));
    return taken;
  }

  /** Resolves when all of it is durable. */
  async stop(): Promise<void> {
    await this.checkpoints.stop();
    if (this.decider.advancing > 0) throw new Error('The last checkpoint could not be written.');
  }

  /** Events of one tenant: subjects are numbered over all tenants, and belong to them in turn. */
  private rowsOf(of: number, pick: (n: number) => number): EventRow[] {
    const time = new Date().toISOString();
    return Array.from({ length: EVENTS_PER_REQUEST }, (_, n) => ({
      ...(this.templates[this.made % this.templates.length] as EventRow),
      id: `e${this.made++}`,
      time,
      received_at: time,
      subject: subjectName(pick(n) * TENANTS + of),
    }));
  }

  /** Tries again for as long as it is told to come again, as producers do. */
  private async accept(of: number, rows: readonly EventRow[]): Promise<void> {
    const tenant = this.tenants[of] as string;
    const decide = (): void => {
      this.decider.decide(tenant, 'events', this.seq + 1, rows);
      this.seq++;
    };
    for (;;) {
      try {
        return await this.decider.whenReady(tenant, 'events', () => rows, decide);
      } catch (error) {
        if (!(error instanceof HeadgateError && error.retryable)) throw error;
        await delay(WAIT_WHEN_FULL_MS);
      }
    }
  }
}

function readEvents(): EventRow[] {
  const lines = gunzipSync(readFileSync(FLIGHTS)).toString('utf8').trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { event: EventRow }).event);
}

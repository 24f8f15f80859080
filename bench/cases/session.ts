import { LoadGenerator } from '../load/generator.js';
import type { LoadResult, LoadSpec, LoadTally } from '../load/spec.js';
import type { System } from '../system/system.js';
import { bytesWrittenBelow } from '../system/block-device.js';
import { Meter, type MemorySample, type Usage } from '../system/meter.js';
import { ParquetReader, type ParquetCount } from '../system/parquet.js';
import { WorkflowCounter } from '../system/workflows.js';
import type { Account } from './bench-case.js';

/** What is asked of a session's load; url and tenants are the system's. */
export type SessionLoad = Omit<LoadSpec, 'url' | 'tenants'>;

/** A load and what it led to, measured until its last event was in Parquet. */
export interface Measured {
  readonly load: LoadResult;
  /** Events acknowledged in this load alone. */
  readonly acknowledged: number;
  /** Seconds from the first POST to the last answer, and to the last event decided and in Parquet. */
  readonly loadSeconds: number;
  readonly endToEndSeconds: number;
  /** Workflows started meanwhile. */
  readonly workflows: number;
  readonly usage: Readonly<Record<string, Usage>>;
  readonly samples: readonly MemorySample[];
  /** Bytes written to the disk of the data directory, by everybody; null where nobody counts them. */
  readonly diskBytes: number | null;
}

/** A running system, a load generator in a process of its own, and an eye on the Parquet files. */
export class Session {
  /** Told what is going on; set by the case that has the session. */
  progress: (text: string) => void = () => {};
  /** Processes that events are delivered to, counted to the load generator; set by the case that has them. */
  receiving: readonly number[] = [];
  private acknowledged = 0;
  private unanswered = 0;
  private unexpected = 0;
  private readonly problems = new Set<string>();
  /** False once an account is not: its data is kept to be looked at. */
  private correct = true;
  private readonly workflows: WorkflowCounter;

  private constructor(
    readonly system: System,
    readonly parquet: ParquetReader,
    private readonly generator: LoadGenerator,
  ) {
    this.workflows = new WorkflowCounter(system.temporal);
  }

  /** Starts a load generator beside a system; {@link close} stops both. */
  static async open(system: System): Promise<Session> {
    const own = new Set(system.tenants.map(({ tenant }) => tenant));
    const parquet = await ParquetReader.open(system.warehouse, (tenant) => own.has(tenant));
    return new Session(system, parquet, new LoadGenerator());
  }

  /** Stops everything and removes the system's data, unless something is missing in it. */
  async close(): Promise<void> {
    this.parquet.close();
    await this.workflows.close();
    await this.generator.close();
    await this.system.stop(!this.correct);
    if (!this.correct) this.progress(`the data is kept: ${this.system.dataDir}`);
  }

  /**
   * Runs a load of which nothing is measured; zero seconds are none.
   * @param drained whether to wait until what was acknowledged is in Parquet; else that waits for the next measurement
   */
  async warmUp(load: SessionLoad, { drained = true } = {}): Promise<void> {
    if (load.seconds === 0) return;
    await this.send('warm-up', load);
    if (drained) await this.drain('warm-up');
  }

  /** Runs a load, and does not wait for what was acknowledged: that waits for the next measurement. */
  load(name: string, load: SessionLoad): Promise<LoadResult> {
    return this.send(name, load);
  }

  /** Runs a load, measures it, and waits until what was acknowledged is decided and in Parquet. */
  async measure(name: string, load: SessionLoad): Promise<Measured> {
    const before = this.acknowledged;
    const workflowsBefore = await this.workflows.count();
    const diskBefore = bytesWrittenBelow(this.system.dataDir);
    const meter = this.meter();
    try {
      const result = await this.send(name, load);
      const { lastAt } = await this.drain(name);
      const diskAfter = bytesWrittenBelow(this.system.dataDir);
      return {
        load: result,
        acknowledged: this.acknowledged - before,
        loadSeconds: (result.endedAt - result.startedAt) / 1000,
        endToEndSeconds: (Math.max(lastAt, result.endedAt) - result.startedAt) / 1000,
        workflows: (await this.workflows.count()) - workflowsBefore,
        usage: meter.stop(),
        samples: meter.samples,
        diskBytes: diskBefore === null || diskAfter === null ? null : diskAfter - diskBefore,
      };
    } finally {
      meter.stop();
    }
  }

  /** Measures what the system's processes take while something goes on. */
  async watch<T>(
    work: () => Promise<T>,
  ): Promise<{ readonly result: T } & Pick<Measured, 'usage' | 'samples'>> {
    const meter = this.meter();
    try {
      const result = await work();
      return { result, usage: meter.stop(), samples: meter.samples };
    } finally {
      meter.stop();
    }
  }

  /**
   * Compares all that was acknowledged with what is in the Parquet files.
   * @param undelivered see {@link Account.undelivered}
   */
  async account(undelivered = 0): Promise<Account> {
    this.progress('counting');
    const { acknowledged, unanswered, unexpected } = this;
    const { events, decisions, distinctEvents, decidedEvents } = await this.parquet.audit();
    const once = events === distinctEvents && decisions === decidedEvents && events === decisions;
    const complete = distinctEvents >= acknowledged && distinctEvents <= acknowledged + unanswered;
    const correct = once && complete && unexpected === 0 && undelivered === 0 && acknowledged > 0;
    this.correct &&= correct;
    return {
      acknowledged,
      unanswered,
      unexpected,
      problems: [...this.problems],
      rows: events,
      distinctRows: distinctEvents,
      decisions,
      decidedEvents,
      undelivered,
      correct,
    };
  }

  private meter(): Meter {
    return new Meter(() => ({
      ...this.system.processes(),
      'load generator': [this.generator.pid, ...this.receiving],
    }));
  }

  private async send(name: string, load: SessionLoad): Promise<LoadResult> {
    const { url, tenants } = this.system;
    let before = 0;
    const result = await this.generator.run({ ...load, url, tenants }, ({ acknowledged, refused }) => {
      const refusals = refused === 0 ? '' : `, ${refused} refusals`;
      this.progress(
        `${name}: ${count(acknowledged)} events acknowledged (${count(acknowledged - before)}/s)${refusals}`,
      );
      before = acknowledged;
    });
    this.system.assertRunning();
    for (const tally of tallies(result)) {
      this.acknowledged += tally.acknowledged;
      this.unanswered += tally.unansweredEvents;
      this.unexpected += tally.unexpected;
      if (tally.firstProblem !== undefined) this.problems.add(tally.firstProblem);
    }
    return result;
  }

  private drain(name: string): Promise<ParquetCount> {
    return this.parquet.until(this.acknowledged, ({ events, decisions }) => {
      this.system.assertRunning();
      this.progress(
        `${name}: ${count(events)} events and ${count(decisions)} decisions in Parquet, of ${count(this.acknowledged)}`,
      );
    });
  }
}

function tallies({ traffic, probes }: LoadResult): LoadTally[] {
  return [...Object.values(traffic), ...Object.values(probes)];
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

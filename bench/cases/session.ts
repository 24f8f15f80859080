import { LoadGenerator } from '../load/generator.js';
import type { LoadResult, LoadSpec, LoadTally } from '../load/spec.js';
import type { System } from '../system/headgate.js';
import { Meter, type RssSample, type Usage } from '../system/meter.js';
import { ParquetReader, type ParquetCount } from '../system/parquet.js';
import type { Account, CaseContext } from './bench-case.js';

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
  readonly usage: Readonly<Record<string, Usage>>;
  readonly samples: readonly RssSample[];
}

/** A running system, a load generator in a process of its own, and an eye on the Parquet files. */
export class Session {
  private acknowledged = 0;
  private unanswered = 0;

  private constructor(
    readonly system: System,
    readonly parquet: ParquetReader,
    private readonly generator: LoadGenerator,
    private readonly context: CaseContext,
  ) {}

  /** Starts a system, runs `work` on it and stops it, however the work ends. */
  static async use<T>(
    context: CaseContext,
    start: () => Promise<System>,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    context.progress('starting');
    const system = await start();
    const generator = new LoadGenerator();
    const parquet = await ParquetReader.open(system.warehouse);
    try {
      return await work(new Session(system, parquet, generator, context));
    } finally {
      context.progress('stopping');
      parquet.close();
      await generator.close();
      await system.stop();
    }
  }

  /** Runs a load and waits until what was acknowledged is in Parquet; nothing of it is measured. */
  async warmUp(load: SessionLoad): Promise<void> {
    await this.send('warm-up', load);
    await this.drain('warm-up');
  }

  /** Runs a load, measures it, and waits until what was acknowledged is decided and in Parquet. */
  async measure(name: string, load: SessionLoad): Promise<Measured> {
    const before = this.acknowledged;
    const meter = new Meter(() => ({ ...this.system.processes(), 'load generator': [this.generator.pid] }));
    try {
      const result = await this.send(name, load);
      const { lastAt } = await this.drain(name);
      return {
        load: result,
        acknowledged: this.acknowledged - before,
        loadSeconds: (result.endedAt - result.startedAt) / 1000,
        endToEndSeconds: (Math.max(lastAt, result.endedAt) - result.startedAt) / 1000,
        usage: meter.stop(),
        samples: meter.samples,
      };
    } finally {
      meter.stop();
    }
  }

  /** Compares all that was acknowledged with what is in the Parquet files. */
  async account(): Promise<Account> {
    this.context.progress('counting');
    const { acknowledged, unanswered } = this;
    const { events, decisions, distinctEvents, decidedEvents } = await this.parquet.audit();
    const once = events === distinctEvents && decisions === decidedEvents && events === decisions;
    const complete = distinctEvents >= acknowledged && distinctEvents <= acknowledged + unanswered;
    return {
      acknowledged,
      unanswered,
      rows: events,
      distinctRows: distinctEvents,
      decisions,
      decidedEvents,
      correct: once && complete && acknowledged > 0,
    };
  }

  private async send(name: string, load: SessionLoad): Promise<LoadResult> {
    const { url, tenants } = this.system;
    let before = 0;
    const result = await this.generator.run({ ...load, url, tenants }, ({ acknowledged, refused }) => {
      const refusals = refused === 0 ? '' : `, ${refused} refusals`;
      this.context.progress(
        `${name}: ${count(acknowledged)} events acknowledged (${count(acknowledged - before)}/s)${refusals}`,
      );
      before = acknowledged;
    });
    this.system.assertRunning();
    for (const tally of tallies(result)) {
      this.acknowledged += tally.acknowledged;
      this.unanswered += tally.unansweredEvents;
    }
    return result;
  }

  private drain(name: string): Promise<ParquetCount> {
    return this.parquet.until(this.acknowledged, ({ events, decisions }) => {
      this.system.assertRunning();
      this.context.progress(
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

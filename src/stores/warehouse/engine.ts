import { availableParallelism } from 'node:os';
import type * as Duckdb from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBInstance } from './duckdb.js';

/** A load then runs on its caller's thread, which costs a fifth less than on two that wait for each other. */
const LOAD_THREADS = 1;

const INTERRUPT_AGAIN_MS = 100;

/** How much of the machine the warehouse's engine may take. */
export interface EngineOptions {
  /** Threads of DuckDB. Default 2, for loads {@link LOAD_THREADS}. More are faster and take from the rest of the machine. */
  readonly threads?: number;
  /** Statements that run at once, each of which keeps a core busy for tens of milliseconds. Default: half the cores, so that requests find one free. */
  readonly connections?: number;
  /** Memory of DuckDB, `512MB`. Default 512 MB. Too low fails big loads, too high starves the process. */
  readonly memoryLimit?: string;
  /** Where statements put what does not fit into memory. Default nowhere: a load streams, it never needs to spill. */
  readonly spillDir?: string;
}

/** An in-memory DuckDB that holds no data of its own: it reads batch files and writes Parquet. */
export interface Engine {
  /**
   * Lends a connection, waiting for a free one. An abort interrupts what runs on it.
   * @throws the signal's reason when aborted
   */
  use<T>(work: (connection: DuckDBConnection) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Closes everything; all connections must be back. */
  close(): Promise<void>;
}

/** Settings that every DuckDB of Headgate starts with: nothing is fetched from the network, or loaded unasked. */
export function engineSettings(options: EngineOptions): Record<string, string> {
  return {
    threads: String(options.threads ?? 2),
    memory_limit: options.memoryLimit ?? '512MB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // The default is `.tmp` in the working directory.
    temp_directory: options.spillDir ?? '',
  };
}

/** Times without an offset are UTC, wherever the process runs. Not an option of `create`: the icu extension brings it. */
export const SET_UTC = "SET GLOBAL TimeZone = 'UTC'";

/** An engine that opens at its first use. */
export function createEngine(options: EngineOptions): Engine {
  const inSlot = createSlots(options.connections ?? Math.max(1, Math.floor(availableParallelism() / 2)));
  const idle: DuckDBConnection[] = [];
  let instance: Promise<Duckdb.DuckDBInstance> | undefined;

  async function connect(): Promise<DuckDBConnection> {
    instance ??= openInstance(options);
    try {
      return await (await instance).connect();
    } catch (error) {
      instance = undefined;
      throw error;
    }
  }

  async function lend<T>(
    work: (connection: DuckDBConnection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    const connection = idle.pop() ?? (await connect());
    try {
      return await interruptible(connection, work, signal);
    } finally {
      idle.push(connection);
    }
  }

  return {
    use: (work, signal) => inSlot(() => lend(work, signal)),
    async close() {
      for (const connection of idle.splice(0)) connection.disconnectSync();
      const opened = instance;
      instance = undefined;
      (await opened)?.closeSync();
    },
  };
}

async function openInstance(options: EngineOptions): Promise<Duckdb.DuckDBInstance> {
  const instance = await DuckDBInstance.create(
    ':memory:',
    engineSettings({ threads: LOAD_THREADS, ...options }),
  );
  const connection = await instance.connect();
  await connection.run(SET_UTC);
  connection.disconnectSync();
  return instance;
}

/**
 * Runs `work`, whose statements an abort interrupts.
 * @throws the signal's reason when aborted
 */
export async function interruptible<T>(
  connection: DuckDBConnection,
  work: (connection: DuckDBConnection) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (!signal) return work(connection);
  // Opening the connection took a while, too.
  signal.throwIfAborted();
  let again: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    connection.interrupt();
    // DuckDB forgets an interrupt that comes just before a statement begins.
    again = setInterval(() => connection.interrupt(), INTERRUPT_AGAIN_MS);
  };
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    return await work(connection);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
    clearInterval(again);
  }
}

/** Runs `work` once one of a fixed number of slots is free, first come first served. */
type InSlot = <T>(work: () => Promise<T>) => Promise<T>;

/** At most `max` pieces of work at a time. */
function createSlots(max: number): InSlot {
  const waiting: (() => void)[] = [];
  let taken = 0;

  return async (work) => {
    if (taken < max) taken += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A waiter takes the slot over as it is: between release and wake-up nobody else can slip in.
      const next = waiting.shift();
      if (next) next();
      else taken -= 1;
    }
  };
}

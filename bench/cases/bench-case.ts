import type { Usage } from '../system/meter.js';
import type { Sessions } from './sessions.js';

/** A figure of a case: shown in the table, and in the JSON under its name. */
export interface Figure {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
}

/** Whether everything acknowledged has arrived, once. */
export interface Account {
  readonly acknowledged: number;
  /** Events in requests that got no answer; each may or may not have been taken. */
  readonly unanswered: number;
  /** Events the API called duplicate or rejected. All are valid and none is sent twice, so one of these is lost. */
  readonly unexpected: number;
  /** What went wrong with requests, each kind once. */
  readonly problems: readonly string[];
  readonly rows: number;
  readonly distinctRows: number;
  readonly decisions: number;
  readonly decidedEvents: number;
  /** Acknowledged events that were to be delivered, and have not arrived; 0 where none were. */
  readonly undelivered: number;
  readonly correct: boolean;
}

/** What a case found. */
export interface CaseResult {
  readonly figures: readonly Figure[];
  /** One for every system that was measured, by name. */
  readonly accounts: Readonly<Record<string, Account>>;
  /** What each group of processes took, by system. */
  readonly processes?: Readonly<Record<string, Readonly<Record<string, Usage>>>>;
  /** Everything else worth keeping in the JSON. */
  readonly details?: unknown;
  /** What a reader of the numbers should know. */
  readonly notes?: readonly string[];
}

/** What a case is given. */
export interface CaseContext {
  /** How long each of its measurements lasts, in seconds. */
  readonly seconds: number;
  /** Seconds of full load before a measurement, so that code is compiled and files are made; 0 for none. */
  readonly warmUpSeconds: number;
  /** A short run that only has to be correct. */
  readonly quick: boolean;
  /** Requests open at once at saturation. */
  readonly connections: number;
  /** Kinds of hostile tenants, or parts of operation; default: all. */
  readonly only?: readonly string[];
  /** Starts systems and stops them. */
  readonly sessions: Sessions;
  /** What the cases before it in this run found. */
  readonly earlier: ReadonlyMap<string, CaseResult>;
  /** Shows what is going on. */
  readonly progress: (text: string) => void;
}

/** One part of the benchmark. */
export interface BenchCase {
  readonly name: string;
  /** What it measures, in a line. */
  readonly title: string;
  /** Length of each of its measurements, unless `--seconds` says otherwise. */
  readonly seconds: number;
  /** The same for a quick run. */
  readonly quickSeconds: number;
  run(context: CaseContext): Promise<CaseResult>;
}

/** A figure of an earlier case, if that was run and has it. */
export function earlierFigure(context: CaseContext, name: string, figure: string): number | undefined {
  const found = context.earlier.get(name)?.figures.find((each) => each.name === figure);
  return found?.value ?? undefined;
}

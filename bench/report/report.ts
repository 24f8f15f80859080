import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Account, CaseResult } from '../cases/bench-case.js';
import type { Machine, Versions } from './machine.js';

/** How the run was made. */
interface Settings {
  readonly quick: boolean;
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly requestEvents: number;
  readonly tenants: number;
  readonly subjects: number;
  /** Each tenant's aggregate and rule, as YAML. */
  readonly rules: string;
  /** Times given on the command line instead of the cases' own. */
  readonly seconds?: number;
}

/** A case in the JSON: what it found, or why it failed. */
export type ReportedCase = { readonly title: string; readonly tookSeconds: number } & (Found | Failed);

interface Failed {
  readonly correct: false;
  readonly failure: string;
}

interface Found extends Omit<CaseResult, 'figures'> {
  /** Length of each of its measurements. */
  readonly seconds: number;
  readonly correct: boolean;
  readonly figures: Readonly<Record<string, { readonly value: number | null; readonly unit: string }>>;
}

/** What a run of the benchmark writes. */
export interface Report {
  readonly schema: 'headgate-bench/1';
  readonly startedAt: string;
  endedAt: string;
  /** Every acknowledged event of every case was decided on and is in Parquet, once. */
  correct: boolean;
  readonly machine: Machine;
  readonly versions: Versions;
  readonly settings: Settings;
  readonly cases: Record<string, ReportedCase>;
}

/** A case's result as the JSON has it. */
export function reportedCase(
  { title, seconds, tookSeconds }: Pick<ReportedCase & Found, 'title' | 'seconds' | 'tookSeconds'>,
  result: CaseResult,
): ReportedCase {
  const figures = Object.fromEntries(result.figures.map(({ name, value, unit }) => [name, { value, unit }]));
  return { title, seconds, tookSeconds, correct: isCorrect(result.accounts), ...result, figures };
}

/** Writes the report, with what it has so far. */
export function writeReport(file: string, report: Report): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

function isCorrect(accounts: Readonly<Record<string, Account>>): boolean {
  return Object.values(accounts).every(({ correct }) => correct);
}

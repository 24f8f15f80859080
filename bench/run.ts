import pc from 'picocolors';
import type { BenchCase, CaseResult } from './cases/bench-case.js';
import { Sessions } from './cases/sessions.js';
import { REQUEST_EVENTS, SUBJECTS, usualTenants } from './cases/traffic.js';
import { describeMachine, findVersions } from './report/machine.js';
import { Progress } from './report/progress.js';
import { reportedCase, writeReport, type Report } from './report/report.js';
import { caseTable } from './report/table.js';
import { RULES_YAML } from './system/tenants.js';

const WARM_UP_SECONDS = 5;
/** What is not about speed needs none. */
const QUICK_WARM_UP_SECONDS = 0;
/** Few, so that a quick run has few events to carry on a busy machine. */
const QUICK_CONNECTIONS = 2;

/** What to run. */
export interface RunOptions {
  readonly cases: readonly BenchCase[];
  readonly quick: boolean;
  /** Length of each measurement; default: the case's own. */
  readonly seconds?: number;
  readonly connections: number;
  /** Kinds of hostile tenants; default: all. */
  readonly only?: readonly string[];
  /** Where to put CPU profiles of Headgate; default: none are made. */
  readonly cpuProfiles?: string;
  /** The JSON file. */
  readonly out: string;
}

/**
 * Runs cases one after the other, prints each one's table, and writes the report after each, so that a run that is cut
 * short leaves what it has found. Returns whether all cases were correct.
 */
export async function runCases(options: RunOptions): Promise<boolean> {
  const report = await newReport(options);
  const found = new Map<string, CaseResult>();
  const sessions = new Sessions(options.quick, options.cpuProfiles);
  warn(report);
  for (const each of options.cases) {
    report.cases[each.name] = await runCase(each, options, { found, sessions });
    report.correct = Object.values(report.cases).every(({ correct }) => correct);
    report.endedAt = new Date().toISOString();
    writeReport(options.out, report);
  }
  await sessions.close();
  console.log(`${report.correct ? pc.green('correct') : pc.red('NOT CORRECT')}; all figures: ${options.out}`);
  return report.correct;
}

async function runCase(
  each: BenchCase,
  { quick, connections, only, seconds: given }: RunOptions,
  { found, sessions }: { found: Map<string, CaseResult>; sessions: Sessions },
): Promise<Report['cases'][string]> {
  const progress = new Progress(each.name);
  const startedAt = performance.now();
  const tookSeconds = (): number => Math.round((performance.now() - startedAt) / 100) / 10;
  const seconds = given ?? (quick ? each.quickSeconds : each.seconds);
  try {
    const result = await each.run({
      seconds,
      quick,
      connections: quick ? Math.min(connections, QUICK_CONNECTIONS) : connections,
      warmUpSeconds: quick ? QUICK_WARM_UP_SECONDS : WARM_UP_SECONDS,
      only,
      sessions,
      earlier: found,
      progress: (text) => progress.show(text),
    });
    progress.end();
    found.set(each.name, result);
    console.log(caseTable(each.name, each.title, result));
    return reportedCase({ title: each.title, seconds, tookSeconds: tookSeconds() }, result);
  } catch (error) {
    progress.end();
    const failure = error instanceof Error ? error.message : String(error);
    console.error(pc.red(`${each.name} failed: ${failure}`));
    return { title: each.title, tookSeconds: tookSeconds(), correct: false, failure };
  }
}

async function newReport({ quick, connections, seconds }: RunOptions): Promise<Report> {
  const now = new Date().toISOString();
  return {
    schema: 'headgate-bench/1',
    startedAt: now,
    endedAt: now,
    correct: false,
    machine: describeMachine(),
    versions: await findVersions(),
    settings: {
      quick,
      connections: quick ? Math.min(connections, QUICK_CONNECTIONS) : connections,
      warmUpSeconds: quick ? QUICK_WARM_UP_SECONDS : WARM_UP_SECONDS,
      requestEvents: REQUEST_EVENTS,
      tenants: usualTenants({ quick }),
      subjects: SUBJECTS,
      rules: RULES_YAML,
      seconds,
    },
    cases: {},
  };
}

/** What would make the numbers say something else than they seem to. */
function warn({ machine }: Report): void {
  const { fileSystem, loadAverageAtStart, cores } = machine;
  if (fileSystem === 'tmpfs')
    console.error(
      pc.yellow('The temporary directory is in memory, where a flush costs nothing: set TMPDIR to a disk.'),
    );
  if (loadAverageAtStart > cores / 2)
    console.error(
      pc.yellow(`This machine is busy already (load ${loadAverageAtStart}): figures will be low.`),
    );
}

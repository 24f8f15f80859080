/** `npm run bench`: runs the cases, prints a table for each and writes everything to a JSON file. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { ALL_AT_ONCE, HOSTILE } from './hostile/kinds.js';
import { CASES } from './cases/index.js';
import { OPERATION_PARTS } from './cases/operation.js';
import { compareRuns } from './report/compare.js';
import { publish } from './report/publish.js';
import { runCases, type RunOptions } from './run.js';

/** What the repository keeps. */
const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
/** What a run writes, with all its samples; not in the repository. */
const RUNS = fileURLToPath(new URL('../.headgate/bench/', import.meta.url));

interface Flags {
  readonly quick?: boolean;
  readonly seconds?: number;
  readonly connections: number;
  readonly only?: readonly string[];
  readonly out?: string;
  readonly cpuProf?: string;
  readonly compare?: readonly string[];
  readonly publish?: readonly string[];
}

function positive(value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

/** Collects the values of an option that is given several times. */
function partNames(value: string, before: readonly string[] = []): readonly string[] {
  const known = [...HOSTILE.map(({ name }) => name), ALL_AT_ONCE, ...OPERATION_PARTS];
  if (known.includes(value)) return [...before, value];
  throw new InvalidArgumentError(`There are: ${known.join(', ')}.`);
}

/** Refuses names that are no case's. */
function chosen(names: readonly string[]): typeof CASES {
  const unknown = names.filter((name) => !CASES.some((each) => each.name === name));
  if (unknown.length > 0)
    program.error(
      `error: no case is named ${unknown.join(', ')}; there are ${CASES.map(({ name }) => name).join(', ')}`,
    );
  // In their own order: later cases go by what earlier ones find.
  return names.length === 0 ? CASES : CASES.filter(({ name }) => names.includes(name));
}

function fileFor(names: readonly string[], { quick, out }: Flags): string {
  if (out !== undefined) return out;
  const what = names.length === 0 ? 'all' : names.join('+');
  if (quick) return join(mkdtempSync(join(tmpdir(), 'headgate-bench-result-')), 'quick.json');
  return join(RUNS, `${new Date().toISOString().slice(0, 10)}-${what}.json`);
}

function showComparison([before, after, ...more]: readonly string[]): void {
  if (before === undefined || after === undefined || more.length > 0)
    return program.error('error: --compare needs two files');
  process.stdout.write(compareRuns(before, after));
}

const program = new Command('bench')
  .usage('[options] [cases...]')
  .description(
    'measure Headgate: real flight events, its own Temporal, the load generator in a process of its own',
  )
  .argument('[cases...]', `any of: ${CASES.map(({ name }) => name).join(', ')}; default: all`)
  .option('--quick', 'all cases in about two minutes: shows that they are correct, not how fast')
  .option('--seconds <n>', 'length of each measurement, instead of the case’s own', positive)
  .option('--connections <n>', 'requests open at once at saturation', positive, 48)
  .option(
    '--only <kind>',
    'of the cases hostile and operation, this part alone; may be given several times',
    partNames,
  )
  .option(
    '--cpu-prof <dir>',
    'write CPU profiles of Headgate there, for the DevTools; the figures are then lower',
  )
  .option('--out <file>', 'where the JSON goes; default: .headgate/bench/<date>-<cases>.json')
  .option('--compare <files...>', 'run nothing: show how the figures of two JSON files differ')
  .option(
    '--publish <files...>',
    'run nothing: write bench/results/<date>.md and latest.json from such files',
  )
  .addHelpText(
    'after',
    `
Cases:
${CASES.map(({ name, title }) => `  ${name.padEnd(20)}${title}`).join('\n')}

Examples:
  $ npm run bench                                   # everything, about half an hour
  $ npm run bench -- end-to-end                     # one case
  $ npm run bench -- end-to-end latency --seconds 20
  $ npm run bench -- hostile --only "long polls" --only "all at once"
  $ npm run bench -- --quick                        # is everything correct?
  $ npm run bench -- --compare bench/results/latest.json .headgate/bench/2026-12-01-all.json

It ends with code 1 when an acknowledged event was not decided on or is not in Parquet, or is there twice.`,
  )
  .action(async (names: string[], flags: Flags) => {
    if (flags.compare !== undefined) return showComparison(flags.compare);
    if (flags.publish !== undefined) return console.log(publish(flags.publish, RESULTS).join('\n'));
    const options: RunOptions = {
      cases: chosen(names),
      quick: flags.quick ?? false,
      seconds: flags.seconds,
      connections: flags.connections,
      only: flags.only,
      cpuProfiles: flags.cpuProf && resolve(flags.cpuProf),
      out: fileFor(names, flags),
    };
    process.exitCode = (await runCases(options)) ? 0 : 1;
  });

// An interrupted run stops what it started and removes its data: see `Child` and `makeTemporary`. A signal may come
// more than once, from the terminal and from npm.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => process.exit(code));

await program.parseAsync();

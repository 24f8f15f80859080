import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report, ReportedCase } from './report.js';

/** What the repository keeps of the benchmark: the runs of a release, with every figure and no series of samples. */
interface Latest {
  readonly schema: 'headgate-bench-latest/1';
  readonly runs: readonly Report[];
}

/** Figures of a case that its line in the summary has; all of them are in `latest.json`. */
const FIGURES_SHOWN = 5;

/** Reads what a run has written, or what the repository keeps: its runs. */
export function readRuns(file: string): readonly Report[] {
  const content = JSON.parse(readFileSync(file, 'utf8')) as Report | Latest;
  return content.schema === 'headgate-bench-latest/1' ? content.runs : [content];
}

/**
 * Writes `latest.json` and `<date>.md` of a release from what its runs have written.
 * @returns the two files
 */
export function publish(files: readonly string[], directory: string): string[] {
  const runs = files.flatMap(readRuns).map(withoutSeries);
  const latest: Latest = { schema: 'headgate-bench-latest/1', runs };
  const date = runs.map(({ startedAt }) => startedAt.slice(0, 10)).sort().at(-1) ?? 'none'; // prettier-ignore
  const paths = [join(directory, 'latest.json'), join(directory, `${date}.md`)] as const;
  writeFileSync(paths[0], `${JSON.stringify(latest, null, 1)}\n`);
  writeFileSync(paths[1], summary(date, runs));
  return [...paths];
}

/** Samples are for those who look into a run, beside which they stay. */
function withoutSeries(run: Report): Report {
  const cases = Object.entries(run.cases).map(([name, each]): [string, ReportedCase] => {
    if ('failure' in each) return [name, each];
    const { title, seconds, tookSeconds, correct, figures, notes } = each;
    return [name, { title, seconds, tookSeconds, correct, figures, notes, accounts: {} }];
  });
  return { ...run, cases: Object.fromEntries(cases) };
}

function summary(date: string, runs: readonly Report[]): string {
  const head = `# Benchmark, ${date}

The first figures of each case; all of them are in \`latest.json\`. \`npm run bench\` measures them again, and
\`npm run bench -- --compare bench/results/latest.json NEW.json\` shows what has changed.
`;
  return [head, ...runs.map(section)].join('\n');
}

function section({ startedAt, machine, versions, settings, cases }: Report): string {
  const { cpu, cores, memoryGb, platform, fileSystem } = machine;
  const lines = Object.entries(cases).map(([name, each]) => `| ${name} | ${text(each)} |`);
  return `## ${startedAt.slice(0, 16)}: Headgate ${versions.headgate}, Node ${versions.node}

${cores} cores (${cpu}), ${memoryGb} GB, ${platform}, ${fileSystem}; ${versions.temporal}; ${settings.connections} connections, ${settings.tenants} tenants.

| case | figures |
| --- | --- |
${lines.join('\n')}
`;
}

function text(each: ReportedCase): string {
  if ('failure' in each) return 'failed';
  const figures = Object.entries(each.figures).slice(0, FIGURES_SHOWN);
  const told = figures.map(([name, { value, unit }]) =>
    `${name} ${value?.toLocaleString('en-US') ?? '-'} ${unit}`.trim(),
  );
  return `${told.join('; ')}${each.correct ? '' : ' (NOT CORRECT)'}`;
}

import pc from 'picocolors';
import type { Problem, StatusReport } from '../status/report.js';
import { amount, inWords, sizeInWords, undeliveredInWords } from '../status/words.js';
import { cell } from './terminal-text.js';

/** Of a problem's line: what a receiver says may be long. */
const MAX_LINE = 300;

/** A report as a person reads it: what it comes to, a line for each problem with how to go on, and what waits. */
export function statusLines(report: StatusReport, { color }: { readonly color: boolean }): string[] {
  const paint = pc.createColors(color);
  const width = Math.max(0, ...report.problems.map((each) => subjectOf(each).length));
  const lines = [headOf(report)];
  for (const problem of report.problems) {
    const mark = problem.level === 'failing' ? paint.red('fail') : paint.yellow(MARKS[problem.level]);
    const what = `${problem.what}${asOf(problem, report.at)}`;
    lines.push(`${mark}  ${cell(subjectOf(problem)).padEnd(width)}  ${cell(what, MAX_LINE)}`);
    const goOn = [problem.command, problem.page].filter(Boolean).join('  or  ');
    lines.push(`${' '.repeat(width + 8)}${paint.dim(`→ ${cell(goOn)}`)}`);
  }
  if (report.moreProblems > 0)
    lines.push(`      and ${amount(report.moreProblems, 'more problem')}: --json has up to 1,000`);
  return [...lines, ...footOf(report)];
}

const MARKS = { held: 'held', notice: 'note' } as const;

function asOf(problem: Problem, at: string): string {
  if (problem.asOf === undefined) return '';
  return ` (as of ${inWords((Date.parse(at) - Date.parse(problem.asOf)) / 1000)} ago)`;
}

/** Whom it concerns. */
function subjectOf({ tenant, subscription }: Problem): string {
  if (tenant === undefined) return 'all tenants';
  return subscription === undefined ? tenant : `${tenant} ${subscription}`;
}

function headOf({ verdict, tenants, tenantsFailing, problems }: StatusReport): string {
  const all = amount(tenants, 'tenant');
  if (verdict === 'well') return `All is well, of ${all}.`;
  if (verdict === 'unknown')
    return `Cannot be told: Temporal has not said yet how subscriptions of ${all} stand.`;
  const forAll = problems.some(({ level, tenant }) => level === 'failing' && tenant === undefined);
  return forAll ? `Something fails for all of ${all}.` : `Something fails, of ${tenantsFailing} of ${all}.`;
}

function footOf({
  at,
  lookedAt,
  oldestLookAt,
  temporal,
  undelivered,
  backlog,
  node,
}: StatusReport): string[] {
  const ago = (time: string): string => inWords((Date.parse(at) - Date.parse(time)) / 1000);
  const lines = [
    `temporal     ${temporal.reachable ? 'answers' : 'does not answer'}, for ${ago(temporal.since)}`,
    `undelivered  ${lookedAt === undefined ? 'not known' : undeliveredInWords(undelivered) || 'nothing'}`,
    `backlog      ${backlog.bytes === 0 ? 'nothing' : `${sizeInWords(backlog.bytes)}, the oldest for ${inWords(backlog.oldestSeconds)}`}`,
  ];
  if (node !== undefined) {
    const { spool, disks } = node;
    const least = disks.reduce((free, { freeBytes }) => Math.min(free, freeBytes), Infinity);
    lines.push(`spool        ${sizeInWords(spool.bytes)} of ${sizeInWords(spool.limitBytes)}`);
    lines.push(`disk         ${sizeInWords(least)} free, ${sizeInWords(node.diskReserveBytes)} to stay free`);
  }
  if (lookedAt !== undefined) {
    const all =
      oldestLookAt === undefined ? 'not yet at each subscription' : `at each within ${ago(oldestLookAt)}`;
    lines.push(`looked       ${ago(lookedAt)} ago; ${all}`);
  }
  return lines;
}

import Table from 'cli-table3';
import ms from 'ms';
import { printable } from '../platform/printable.js';
import type { Reach, ReplaySummary, ReplayView } from './replay-client.js';
import type {
  AppliedCounts,
  DecisionSample,
  ReplayReport,
  RuleDifference,
} from '../workflows/messages/replays.js';

const PLAIN = { head: [], border: [] };
/** Longest reason shown. */
const MAX_REASON = 120;

/** A replay that has ended, for people. */
export function replayReport(view: ReplayView): string {
  const { report, error } = view;
  if (report === undefined) {
    const why = error === undefined ? '' : `: ${printable(error.message)} [${error.code}]`;
    return `${describe(view)} ${view.status}${why}\n`;
  }
  const parts = [`${describe(view)} ${view.status}`, countsOf(report)];
  if (report.rules !== undefined) parts.push(rulesTable(report.rules), ...report.rules.flatMap(samplesOf));
  if (report.applied !== undefined) parts.push(appliedLine(report.applied, report.dryRun));
  else if (appliesCurrent(view))
    parts.push('Note: nothing became current: the workers are of an earlier version.');
  if (report.wouldDeliver !== undefined) parts.push(deliveriesOf(report));
  parts.push(...report.notes.map((note) => `Note: ${note}`));
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

/**
 * What is to be said of a range that is older than what is kept. One that begins before is replayed as far as it can be;
 * one of which nothing is left `isGone`: what was asked for was not done.
 */
export function reachNote(
  { range, report }: Pick<ReplayView, 'range' | 'report'>,
  { keptSince, deletedThrough }: Reach,
): { readonly text: string; readonly isGone: boolean } | undefined {
  if (keptSince === undefined)
    return deletedThrough === undefined
      ? { text: 'No events are kept yet that could be replayed.', isGone: false }
      : {
          text: `Nothing is kept that could be replayed: batches up to ${deletedThrough} are deleted.`,
          isGone: true,
        };
  if (Date.parse(range.from) >= Date.parse(keptSince)) return undefined;
  // Of a range by event time an event that came late may be kept.
  const isGone = Date.parse(range.to) <= Date.parse(keptSince) && report?.events === 0;
  const what = isGone ? 'nothing of this range was replayed' : 'it was not replayed';
  return { text: `Of before ${keptSince} nothing is kept: ${what}.`, isGone };
}

/** The list of replays, and how far back they reach. */
export function replayList(replays: readonly ReplaySummary[], reach: Reach): string {
  const { retentionMs, keptSince, deletedThrough } = reach;
  const since =
    keptSince === undefined ? 'nothing is kept yet' : `the oldest event kept came at ${keptSince}`;
  const deleted = deletedThrough === undefined ? '' : `; batches up to ${deletedThrough} are deleted`;
  const foot = `Retention ${ms(retentionMs, { long: true })}: ${since}${deleted}.\n`;
  if (replays.length === 0) return `There are no replays.\n${foot}`;
  const table = new Table({ head: ['id', 'status', 'what', 'from', 'to'], style: PLAIN });
  for (const { id, status, range, ...replay } of replays)
    table.push([id, status, taskOf(replay), range.from, range.to]);
  return `${table.toString()}\n${foot}`;
}

/** One line: `Dry run 20240310t120000-0123abcd (decide again by 0123456789ab)`. */
export function describe(replay: ReplaySummary): string {
  return `${replay.dryRun ? 'Dry run' : 'Replay'} ${replay.id} (${taskOf(replay)}):`;
}

function taskOf({ task, version, dryRun }: Pick<ReplaySummary, 'task' | 'version' | 'dryRun'>): string {
  const dry = dryRun ? 'dry run: ' : '';
  if (task.kind === 'decide')
    return `${dry}decide again by ${version}${task.applyCurrent === true ? ', and apply' : ''}`;
  if (task.kind === 'fill') return `${dry}fill ${task.subscription}`;
  return `${dry}deliver again to ${task.subscription ?? 'all'}`;
}

function countsOf({ batches, events, bytes, seconds, ...rest }: ReplayReport): string {
  const read = `${number(events)} events of ${number(batches)} batches, ${number(bytes)} bytes read in ${seconds.toFixed(1)} s`;
  const more = [
    ...(rest.warmUpEvents === undefined ? [] : [`${number(rest.warmUpEvents)} events of warm-up`]),
    ...(rest.rules === undefined ? [] : [`${number(rest.matched)} decisions made`]),
    ...(rest.dryRun || rest.rules === undefined
      ? []
      : [`${number(rest.decisions)} of them new and recorded`]),
    ...(rest.dryRun || rest.rules !== undefined
      ? []
      : [`${number(rest.matched)} given to subscriptions in ${number(rest.deliveries)} deliveries`]),
    ...(rest.skipped === 0 ? [] : [`${number(rest.skipped)} skipped`]),
  ];
  return [read, ...more].join('; ');
}

function appliesCurrent({ task }: Pick<ReplaySummary, 'task'>): boolean {
  return task.kind === 'decide' && task.applyCurrent === true;
}

function appliedLine(
  { madeCurrent, alreadyCurrent, older, ruleChanged }: AppliedCounts,
  dry: boolean,
): string {
  const made = `${number(madeCurrent)} ${dry ? 'decisions would become current' : 'decisions became current'}`;
  const more = [
    ...(alreadyCurrent === 0 ? [] : [`${number(alreadyCurrent)} were so already`]),
    ...(older === 0 ? [] : [`${number(older)} passed over: the current one is on a later event`]),
    ...(ruleChanged === 0
      ? []
      : [`${number(ruleChanged)} passed over: the rule in force is another, or gone`]),
  ];
  return [made, ...more].join('; ');
}

function rulesTable(rules: readonly RuleDifference[]): string {
  if (rules.length === 0) return 'The chosen configuration has no rules.';
  const stacked = ['eligible\nrecorded', 'eligible\nnow', 'newly\neligible', 'no longer\neligible'];
  const table = new Table({
    head: ['rule', 'version', 'decisions', ...stacked, 'not recorded\nbefore', 'not made\nnow'],
    style: PLAIN,
    colAligns: ['left', 'left', ...Array<'right'>(7).fill('right')],
  });
  for (const { rule, ruleVersion, ...counts } of rules) {
    const eligible = [counts.evaluated, counts.recorded.eligible, counts.now.eligible];
    const changes = [counts.newlyEligible, counts.noLongerEligible];
    const others = [counts.notRecordedBefore, counts.notMadeNow];
    table.push([rule, ruleVersion ?? '-', ...[...eligible, ...changes, ...others].map(number)]);
  }
  return table.toString();
}

function samplesOf({ rule, samples }: RuleDifference): string[] {
  const groups = [
    ['newly eligible', samples.newlyEligible],
    ['no longer eligible', samples.noLongerEligible],
  ] as const;
  return groups.flatMap(([title, some]) =>
    some.length === 0 ? [] : [`${rule}, ${title} (the first ${some.length}):`, ...some.map(sampleLine)],
  );
}

function sampleLine({ eventId, subject, time, recorded, now }: DecisionSample): string {
  const of = subject === null ? '' : ` of ${JSON.stringify(subject)}`;
  const line = `  ${JSON.stringify(eventId)}${of} at ${time}: ${short(recorded.reason)} → ${short(now.reason)}`;
  return printable(line);
}

function deliveriesOf({ wouldDeliver = [] }: ReplayReport): string {
  if (wouldDeliver.length === 0) return 'No event would be delivered.';
  const table = new Table({ head: ['subscription', 'events'], style: PLAIN, colAligns: ['left', 'right'] });
  for (const { subscription, events } of wouldDeliver) table.push([subscription, number(events)]);
  return `Would be delivered:\n${table.toString()}`;
}

function short(text: string): string {
  const line = text.replaceAll('\n', ' ');
  return line.length > MAX_REASON ? `${line.slice(0, MAX_REASON - 1)}…` : line;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

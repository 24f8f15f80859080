import Table from 'cli-table3';
import type { DeadLetterDetail, ShownEvent } from '../dead-letters/show.js';
import type { DeadLetterSummary } from '../dead-letters/summary.js';
import { cell } from './terminal-text.js';

const PLAIN = { head: [], border: [] };

/** Dead letters as a table, the newest first. */
export function listTable(deadLetters: readonly DeadLetterSummary[]): string {
  const table = new Table({
    head: ['id', 'reason', 'events', 'types', 'parked', 'what happened'],
    style: PLAIN,
  });
  for (const { id, reason, count, types, parkedAt, detail } of deadLetters) {
    const named = types.length > 3 ? [...types.slice(0, 3), '…'] : types;
    table.push([id, reason, count, cell(named.join(', '), 60), minute(parkedAt), cell(detail, 60)]);
  }
  return table.toString();
}

/** One dead letter: what is known of it, and its events with what was tried. */
export function detailText(found: DeadLetterDetail): string {
  const { resolution } = found;
  const by = resolution?.by;
  const facts: [string, string | number | undefined][] = [
    ['id', found.id],
    ['status', found.status],
    ['by', by && `${by.actor}${by.reason === undefined ? '' : `: ${by.reason}`}`],
    ['delivered', resolution?.delivery && `${resolution.delivery.delivered} of ${found.count} since`],
    ['subscription', `${found.subscription} (${found.kind})`],
    ['reason', found.reason],
    ['detail', found.detail],
    ['attempts', found.attempts],
    ['events', found.count],
    ['batch', `${found.batchId} (${found.stream})`],
    ['parked', found.parkedAt],
    ['expires', found.expiresAt],
    ['workflow', found.workflowId],
    ['page', found.url],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(14)}${cell(String(value), 1_000)}`],
  );
  return [...lines, '', eventsText(found)].join('\n');
}

function eventsText({ events, eventsTotal, eventsUnreadable }: DeadLetterDetail): string {
  if (eventsUnreadable !== undefined) return `Its events cannot be shown: ${cell(eventsUnreadable)}`;
  const table = new Table({
    head: ['line', 'event', 'type', 'subject', 'tried', 'last answer'],
    style: PLAIN,
  });
  for (const each of events) {
    const { id, type, subject = '' } = each.event ?? { id: each.text ?? '', type: '(no event)' };
    table.push([each.line, cell(id, 60), cell(type, 60), cell(subject, 40), tries(each), lastAnswer(each)]);
  }
  const more =
    eventsTotal > events.length ? `\n${events.length} of ${eventsTotal} events; --events shows more` : '';
  return `${table.toString()}${more}`;
}

function tries({ attempts }: ShownEvent): string {
  return attempts.length === 0 ? '' : String(attempts.length);
}

function lastAnswer({ attempts }: ShownEvent): string {
  const { status, error, response } = attempts.at(-1) ?? {};
  const parts = [status === undefined ? undefined : `HTTP ${status}`, error, response];
  return cell(parts.filter((part) => part !== undefined && part !== '').join(': '), 80);
}

function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')}Z`;
}

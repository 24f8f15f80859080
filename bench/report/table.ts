import Table from 'cli-table3';
import pc from 'picocolors';
import type { Account, CaseResult } from '../cases/bench-case.js';

/** Rules between the table's parts, and nothing else. */
const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** A case's figures as a table, then its account and notes. */
export function caseTable(name: string, title: string, result: CaseResult): string {
  const table = new Table({
    chars: PLAIN,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns: ['left', 'right', 'left'],
  });
  for (const { name: figure, value, unit } of result.figures)
    table.push([`  ${figure}`, value === null ? '-' : value.toLocaleString('en-US'), unit]);
  const accounts = Object.entries(result.accounts).map(([system, account]) => accountLine(system, account));
  const notes = (result.notes ?? []).map((note) => `  ${note}`);
  return [`${pc.bold(name)}: ${title}`, table.toString(), ...notes, ...accounts, ''].join('\n');
}

function accountLine(system: string, account: Account): string {
  const {
    acknowledged,
    unanswered,
    unexpected,
    problems,
    rows,
    distinctRows,
    decisions,
    decidedEvents,
    undelivered,
    correct,
  } = account;
  const unknown = unanswered === 0 ? '' : `, ${unanswered} without an answer`;
  const refused = unexpected === 0 ? '' : `, ${unexpected} called duplicate or rejected`;
  const missing = undelivered === 0 ? '' : `, ${undelivered} not delivered`;
  const text = `  ${system}: ${acknowledged} acknowledged${unknown}${refused} = ${rows} rows (${distinctRows} distinct) = ${decisions} decisions (on ${decidedEvents} events)${missing}`;
  const line = correct ? text : pc.red(`${text}: WRONG`);
  return [line, ...problems.map((problem) => pc.yellow(`    ${problem}`))].join('\n');
}

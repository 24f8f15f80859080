import Table from 'cli-table3';
import type { SendTally } from '@headgate/client';
import type { TenantCheck } from './check.js';
import type { TenantWeek } from './week.js';

/** What became of one tenant's week. */
export interface TenantOutcome {
  readonly week: TenantWeek;
  readonly events: SendTally;
  readonly properties: SendTally;
  readonly check: TenantCheck;
}

/** No lines between columns: they would make the table wider than many terminals. */
const PLAIN = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
    .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((place) => [place, '']),
);

/** The demo's last word: a row per tenant, their sum, and what does not add up. Without colours: what is printed is text. */
export function outcomeTable(outcomes: readonly TenantOutcome[]): string {
  const rules = [...new Set(outcomes.flatMap(({ check }) => Object.keys(check.eligible)))].sort();
  const stacked = rules.map((rule) => `eligible:\n${rule.replaceAll('_', '\n')}`);
  const rowsOf = ['events', 'properties', 'decisions'].map((table) => `rows:\n${table}`);
  const head = ['tenant', 'aircraft', 'events', 'duplicates', ...stacked, ...rowsOf, ''];
  const table = new Table({
    head,
    chars: PLAIN,
    colAligns: head.map((_, index) => (index === 0 || index === head.length - 1 ? 'left' : 'right')),
    style: { compact: true, 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
  });
  const rows = outcomes.map((outcome) => numbersOf(outcome, rules));
  outcomes.forEach(({ week, check }, index) => {
    const verdict = check.problems.length === 0 ? 'ok' : check.problems.join(', ');
    table.push([week.tenant, ...(rows[index] as number[]).map(format), verdict]);
  });
  const sums = (rows[0] ?? []).map((_, at) => rows.reduce((sum, row) => sum + (row[at] as number), 0));
  const bad = outcomes.filter(({ check }) => check.problems.length > 0).length;
  table.push(['all', ...sums.map(format), bad === 0 ? 'ok' : `${bad} wrong`]);
  return table.toString();
}

function numbersOf({ events, properties, check }: TenantOutcome, rules: readonly string[]): number[] {
  return [
    properties.lines,
    events.lines,
    events.duplicate + properties.duplicate,
    ...rules.map((rule) => check.eligible[rule] ?? 0),
    check.rows.events,
    check.rows.userProperties,
    check.rows.decisions,
  ];
}

function format(value: number): string {
  return value.toLocaleString('en-US');
}

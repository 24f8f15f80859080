import Table from 'cli-table3';
import pc from 'picocolors';
import { readRuns } from './publish.js';

/** A change by less is what two runs of the same build differ by, too. */
const NOISE = 0.1;
/** Units of what is better when there is less of it; of rates, more is better. */
const LESS_IS_BETTER = ['ms', 's', 'MB'];

interface Figure {
  readonly value: number | null;
  readonly unit: string;
}

/**
 * Says how the figures of two files differ, by more than a tenth, of the cases that both have. Of a case that a
 * file has twice, the later counts. Machines differ as well: a
 * comparison says something when both have run on the same one.
 */
export function compareRuns(before: string, after: string): string {
  const [old, now] = [figuresOf(before), figuresOf(after)];
  const table = new Table({
    head: ['figure', 'before', 'after', 'change'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right'],
  });
  let compared = 0;
  for (const [name, { value, unit }] of now) {
    const was = old.get(name)?.value ?? null;
    if (was === null || value === null || was === 0) continue;
    compared++;
    const change = value / was - 1;
    if (Math.abs(change) < NOISE) continue;
    table.push([name, said(was, unit), said(value, unit), coloured(change, unit)]);
  }
  const rest = `${compared} figures compared, ${table.length} differ by a tenth or more\n`;
  return table.length === 0 ? rest : `${table.toString()}\n${rest}`;
}

function figuresOf(file: string): Map<string, Figure> {
  const figures = readRuns(file).flatMap(({ cases }) =>
    Object.entries(cases).flatMap(([name, each]) =>
      'failure' in each
        ? []
        : Object.entries(each.figures).map(([figure, value]) => [`${name}: ${figure}`, value] as const),
    ),
  );
  return new Map(figures);
}

function said(value: number, unit: string): string {
  return `${value.toLocaleString('en-US')} ${unit}`.trim();
}

function coloured(change: number, unit: string): string {
  const text = `${change > 0 ? '+' : ''}${Math.round(change * 100)}%`;
  const isRate = unit.endsWith('/s');
  if (!isRate && !LESS_IS_BETTER.includes(unit)) return text;
  return change > 0 === isRate ? pc.green(text) : pc.red(text);
}

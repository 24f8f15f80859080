import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { System } from '../system/system.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { cpuFigure, END_TO_END_RATE, rateFigures, round, usageFigures } from './figures.js';
import type { Measured } from './session.js';
import { measureInTurns, turnFigures, type Turns } from './turns.js';

const OFF_MODULE = new URL('../operation/off.mjs', import.meta.url).href;
/** What `off.mjs` can take away. */
export const OPERATION_PARTS = ['metrics', 'usage', 'audit-log', 'event-index'];
const ROUNDS = 4;

/** Saturation with and without what shows how Headgate is doing. */
export const operation: BenchCase = {
  name: 'operation',
  title: 'events/s end to end without metrics, usage, audit log and index of events, and with them, in turns',
  seconds: 15,
  quickSeconds: 1,
  run,
};

/** `--only usage` and the like say which parts are taken away; default: all of them. */
async function run(context: CaseContext): Promise<CaseResult> {
  const parts = context.only ?? OPERATION_PARTS;
  const env = { NODE_OPTIONS: `--import=${OFF_MODULE}`, HEADGATE_BENCH_OFF: parts.join(',') };
  const variants = {
    off: { env, check: (system: System) => assertIndex(system, !parts.includes('event-index')) },
    on: { env: {}, check: (system: System) => assertIndex(system, true) },
  };
  const turns = await measureInTurns(context, variants, ROUNDS);
  return {
    figures: [...sums(turns), ...turnFigures(turns, figuresOf)],
    accounts: turns.accounts,
    details: turns.measured,
    notes: [`Taken away: ${parts.join(', ')}.`],
  };
}

/** Shows that what was to be off was off. Where it was not, what was sent is indexed some seconds later. */
async function assertIndex({ dataDir }: System, expected: boolean): Promise<void> {
  const directory = join(dataDir, 'event-index');
  for (let tries = 0; tries < (expected ? 60 : 1); tries++) {
    const found = existsSync(directory) && readdirSync(directory).length > 0;
    if (found === expected) return;
    await delay(1_000);
  }
  throw new Error(`There is ${expected ? 'no' : 'an'} index of events.`);
}

function figuresOf(measured: Measured): Figure[] {
  const memory = usageFigures(measured).filter(({ name }) => name.includes('without mapped files'));
  return [...rateFigures(measured), cpuFigure(measured), ...memory];
}

/** With them, in percent of what there is without: the medians of all turns. */
function sums({ measured: { on = [], off = [] } }: Turns): Figure[] {
  const middle = (all: readonly Measured[], name: string): number =>
    median(all.flatMap(figuresOf).filter((figure) => figure.name === name));
  return [END_TO_END_RATE, 'CPU per 100,000 events, Temporal included'].map((name) => ({
    name: `${name}, on / off`,
    value: round((100 * middle(on, name)) / middle(off, name)),
    unit: '%',
  }));
}

function median(figures: readonly Figure[]): number {
  const sorted = figures.map(({ value }) => value ?? NaN).sort((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

import type { Figure } from '../cases/bench-case.js';
import { round } from '../cases/figures.js';
import type { LoadResult } from '../load/spec.js';
import type { Answers } from './attacker.js';

/** What a quiet tenant's acknowledgement and the health check may take, at most. */
const BOUND_MS = { acknowledgement: 100, health: 250 };

/** What was seen beside one kind of hostile tenant. */
export interface Seen {
  readonly name: string;
  /** The same load just before, without a hostile tenant: what the machine itself makes of it. */
  readonly alone?: LoadResult;
  readonly load?: LoadResult;
  readonly stalled: boolean;
  readonly answers: Answers;
  /** The tenant's file was not taken. */
  readonly refused?: string;
}

/** Beside one kind, and without it. */
export function figuresOf({ name, load, alone, stalled }: Seen): Figure[] {
  return [
    ...latencies(name, load),
    { name: `${name}: ordinary, not acknowledged`, value: notTaken(load?.traffic.ordinary), unit: '' },
    ...(stalled ? [{ name: `${name}: STALLED`, value: 1, unit: '' }] : []),
    ...latencies(`${name}, alone`, alone),
  ];
}

function latencies(name: string, load: LoadResult | undefined): Figure[] {
  const { quiet, kept } = load?.traffic ?? {};
  const ms = (value: number | undefined): number | null => (value === undefined ? null : round(value));
  return [
    { name: `${name}: quiet acknowledgement p50`, value: ms(quiet?.acknowledgement.p50), unit: 'ms' },
    { name: `${name}: quiet acknowledgement max`, value: ms(quiet?.acknowledgement.max), unit: 'ms' },
    { name: `${name}: quiet, not acknowledged`, value: notTaken(quiet), unit: '' },
    { name: `${name}: quiet on kept connections, p50`, value: ms(kept?.acknowledgement.p50), unit: 'ms' },
    { name: `${name}: quiet on kept connections, max`, value: ms(kept?.acknowledgement.max), unit: 'ms' },
    { name: `${name}: /healthz max`, value: ms(load?.health?.max), unit: 'ms' },
    { name: `${name}: /healthz, no answer`, value: load?.health?.failed ?? null, unit: '' },
  ];
}

/** In words: which kinds are within the bound, and which beyond it; those beyond it alone already say nothing of Headgate. */
export function notesOf(seen: readonly Seen[]): string[] {
  const named = (of: (each: Seen) => boolean): string =>
    seen
      .filter(of)
      .map(({ name }) => name)
      .join(', ') || 'none';
  const isWithin = ({ load, stalled }: Seen): boolean => !stalled && isWell(load);
  const isNoisy = ({ alone }: Seen): boolean => !isWell(alone);
  const answers = seen.flatMap((each) =>
    Object.entries(each.answers).map(([kind, counts]) => {
      const text = Object.entries(counts).map(([status, count]) => `${count} x ${status}`);
      return `  ${each.name === kind ? kind : `${each.name}, ${kind}`}: ${text.join(', ') || 'nothing answered'}`;
    }),
  );
  return [
    `Within ${BOUND_MS.acknowledgement} ms for an acknowledgement and ${BOUND_MS.health} ms for /healthz, all answered: ${named(isWithin)}.`,
    `Beyond: ${named((each) => !isWithin(each) && !isNoisy(each))}.`,
    `Beyond, and so was the same load alone just before, so that the machine was busy with other things: ${named((each) => !isWithin(each) && isNoisy(each))}.`,
    'Latencies count from when a request was due.',
    ...seen.flatMap(({ name, refused }) =>
      refused === undefined ? [] : [`${name}: the tenant's file is refused: ${refused}`],
    ),
    'What the hostile tenants were answered (cut: a connection):',
    ...answers,
  ];
}

/** A quiet tenant and `/healthz` were served within the bound. */
export function isWell(load: LoadResult | undefined): boolean {
  const quiet = load?.traffic.quiet;
  if (quiet === undefined || load?.health === undefined) return false;
  const { acknowledgement, health } = BOUND_MS;
  const answered = notTaken(quiet) === 0 && load.health.failed === 0;
  return answered && quiet.acknowledgement.max <= acknowledgement && load.health.max <= health;
}

function notTaken(traffic: LoadResult['traffic'][string] | undefined): number | null {
  if (traffic === undefined) return null;
  return Object.values(traffic.refused).reduce((sum, count) => sum + count, traffic.unanswered);
}

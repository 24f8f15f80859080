import type { Latency, LoadTally } from '../load/spec.js';
import type { Freshness } from '../system/parquet.js';
import type { Figure } from './bench-case.js';
import type { Measured } from './session.js';

/** The name of the figure other cases go by. */
export const END_TO_END_RATE = 'events/s end to end';

type Quantile = 'p50' | 'p99' | 'p99_9';

/** The figures of a latency: its median, p99 and p99.9, unless other ones are named. */
export function latencyFigures(
  name: string,
  latency: Latency | undefined,
  quantiles: readonly Quantile[] = ['p50', 'p99', 'p99_9'],
): Figure[] {
  return quantiles.map((quantile) => ({
    name: `${name} ${quantile.replace('_', '.')}`,
    // A quantile of nothing is not zero.
    value: latency === undefined || latency.count === 0 ? null : latency[quantile],
    unit: 'ms',
  }));
}

/** The time from POST to row. */
export function freshnessFigures(name: string, { rows, p50, p99 }: Freshness): Figure[] {
  return [
    { name: `${name} p50`, value: rows === 0 ? null : p50, unit: 'ms' },
    { name: `${name} p99`, value: rows === 0 ? null : p99, unit: 'ms' },
  ];
}

/** Events per second until the last was decided and in Parquet, and until it was acknowledged. */
export function rateFigures({ acknowledged, loadSeconds, endToEndSeconds }: Measured): Figure[] {
  return [
    { name: END_TO_END_RATE, value: Math.round(acknowledged / endToEndSeconds), unit: '/s' },
    { name: 'events/s acknowledged', value: Math.round(acknowledged / loadSeconds), unit: '/s' },
  ];
}

/** CPU per 100,000 events of everything but the load generator, bytes on disk, then CPU, bytes written and memory by process. */
export function usageFigures(measured: Measured): Figure[] {
  const { usage, acknowledged } = measured;
  const millions = acknowledged / 1_000_000;
  const figures = Object.entries(usage).flatMap(([name, taken]) => [
    { name: `${name}: CPU per million events`, value: per(taken.cpuSeconds, millions), unit: 's' },
    {
      name: `${name}: passed to writes per million events`,
      value: per(taken.writtenBytes, acknowledged),
      unit: 'MB',
    },
    { name: `${name}: peak RSS`, value: per(taken.peakRssBytes, 1e6), unit: 'MB' },
    { name: `${name}: peak RSS without mapped files`, value: per(taken.peakAnonymousBytes, 1e6), unit: 'MB' },
  ]);
  const onDisk = {
    name: 'written to the disk per million events',
    value: per(measured.diskBytes, acknowledged),
    unit: 'MB',
  };
  return [cpuFigure(measured), onDisk, ...figures];
}

/** CPU seconds per 100,000 events of everything but the load generator. */
export function cpuFigure({ usage, acknowledged }: Measured): Figure {
  const own = Object.entries(usage).filter(([name]) => name !== 'load generator');
  const cpu = own.map(([, { cpuSeconds }]) => cpuSeconds);
  const sum = cpu.some((each) => each === null) ? null : cpu.reduce<number>((a, b) => a + (b ?? 0), 0);
  return {
    name: 'CPU per 100,000 events, Temporal included',
    value: per(sum, acknowledged / 100_000),
    unit: 's',
  };
}

/** Requests that were refused, as 429 and 503, and those that got no answer. */
export function refusalFigures(name: string, { refused, unanswered }: LoadTally): Figure[] {
  const others = Object.entries(refused).filter(([status]) => status !== '429' && status !== '503');
  return [
    { name: `${name}: answered 429`, value: refused['429'] ?? 0, unit: '' },
    { name: `${name}: answered 503`, value: refused['503'] ?? 0, unit: '' },
    {
      name: `${name}: other errors`,
      value: others.reduce((sum, [, count]) => sum + count, unanswered),
      unit: '',
    },
  ];
}

/** `value / unit` with two decimals; null stays null, and so does what cannot be divided. */
export function per(value: number | null, unit: number): number | null {
  return value === null || unit === 0 ? null : round(value / unit);
}

/** Two decimals. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

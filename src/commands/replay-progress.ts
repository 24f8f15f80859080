import { SingleBar } from 'cli-progress';
import type { ReplayProgress } from '../workflows/messages/replays.js';
import { printError } from './terminal-text.js';

/** Shows how far a replay is. */
export interface ShownProgress {
  update(progress: ReplayProgress): void;
  /** Gives the terminal back. */
  end(): void;
}

const SAY_EVERY_MS = 2_000;

/** A bar on a terminal, a plain line every two seconds elsewhere; on standard error, so that the report stays apart. */
export function showReplayProgress(now: () => number = Date.now): ShownProgress {
  if (!process.stderr.isTTY) return plainLines(now);
  const bar = new SingleBar({ format: '{bar} {line}', barsize: 20, hideCursor: true, stopOnComplete: false });
  bar.start(1, 0, { line: '' });
  return {
    update: (progress) => {
      const { done = 0, total = 0 } = progress.files ?? {};
      bar.setTotal(Math.max(1, total));
      bar.update(done, { line: lineOf(progress) });
    },
    end: () => bar.stop(),
  };
}

function plainLines(now: () => number): ShownProgress {
  let saidAt = now();
  return {
    update: (progress) => {
      if (now() - saidAt < SAY_EVERY_MS) return;
      saidAt = now();
      printError(lineOf(progress));
    },
    end: () => undefined,
  };
}

function lineOf({
  phase,
  waitsFor = [],
  files,
  batches,
  events,
  deliveries,
  decisions,
}: ReplayProgress): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  if (phase === 'batching') return `waiting: ${waitsFor.map(({ message }) => message).join('; ')}`;
  if (phase === 'waiting') return 'waiting for another replay of the tenant';
  const read = files === undefined ? `${number(batches)} batches` : `file ${files.done} of ${files.total}`;
  if (phase === 'warm-up') return `warm-up: ${read}`;
  if (phase === 'applying') return `${number(events)} events · making decisions current`;
  const done = [`${number(events)} events`];
  if (deliveries > 0) done.push(`${number(deliveries)} deliveries`);
  if (decisions > 0) done.push(`${number(decisions)} decisions`);
  return `${read} · ${done.join(' · ')}`;
}

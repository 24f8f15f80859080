import { SingleBar } from 'cli-progress';

/** The demo's counters. */
export interface DemoCounts {
  /** Events handed to the HTTP client. */
  sent: number;
  /** Events the API has answered for: on disk, or duplicates of such. */
  acknowledged: number;
  duplicates: number;
  /** Events whose batch has been handed over; they were decided on before they were acknowledged. */
  batched: number;
  loaded: number;
}

/** Live progress of one step. */
export interface DemoProgress {
  /** Says the last state and gives the terminal back. */
  end(): void;
}

const EVERY_MS = 1_000;

/** Shows counters as a bar on a terminal, and as a plain line a second elsewhere. */
export function showProgress(title: string, total: number, counts: Readonly<DemoCounts>): DemoProgress {
  const startedAt = Date.now();
  let [acknowledged, acknowledgedAt] = [0, startedAt];
  const line = (): string => {
    // The rate is that of the API: it stands still once the last event has been answered for.
    if (counts.acknowledged > acknowledged)
      [acknowledged, acknowledgedAt] = [counts.acknowledged, Date.now()];
    const seconds = Math.max(0.001, (acknowledgedAt - startedAt) / 1000);
    const number = (value: number): string => value.toLocaleString('en-US');
    return `sent ${number(counts.sent)} · acknowledged ${number(counts.acknowledged)} · in batches ${number(counts.batched)} · loaded ${number(counts.loaded)} · ${number(Math.round(counts.acknowledged / seconds))} events/s`;
  };
  if (process.stdout.isTTY) {
    const bar = new SingleBar({
      format: `${title} {bar} {line}`,
      barsize: 20,
      hideCursor: true,
      stopOnComplete: false,
    });
    bar.start(total, 0, { line: line() });
    const timer = setInterval(() => bar.update(counts.acknowledged, { line: line() }), 200);
    return {
      end: () => {
        clearInterval(timer);
        bar.update(counts.acknowledged, { line: line() });
        bar.stop();
      },
    };
  }
  const timer = setInterval(() => process.stdout.write(`${title}: ${line()}\n`), EVERY_MS);
  return {
    end: () => {
      clearInterval(timer);
      process.stdout.write(`${title}: ${line()}\n`);
    },
  };
}

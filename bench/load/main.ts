/** The load generator: a process of its own, told what to send by messages from the harness. */
import { randomBytes } from 'node:crypto';
import { EventWriter } from './event-writer.js';
import { watchHealth } from './health.js';
import { ProbeRunner } from './probes.js';
import type { LoadMessage, LoadProgress, LoadRequest, LoadResult, LoadSpec } from './spec.js';
import { TrafficRunner } from './traffic.js';

const PROGRESS_EVERY_MS = 1000;
/** Apart enough that two runs' probes never share a subject. */
const PROBES_PER_RUN = 100_000;

const writer = new EventWriter(randomBytes(4).toString('hex'));
let probeRuns = 0;

function say(message: LoadMessage): void {
  process.send?.(message);
}

async function run(spec: LoadSpec): Promise<LoadResult> {
  const traffic = spec.traffic.map((each) => new TrafficRunner(each, spec, writer));
  const probes = spec.probes.map((each) => new ProbeRunner(each, spec, writer, PROBES_PER_RUN * probeRuns++));
  const reporting = setInterval(
    () => say({ kind: 'progress', progress: progressOf([...traffic, ...probes]) }),
    PROGRESS_EVERY_MS,
  );
  const startedAt = Date.now();
  const deadline = performance.now() + spec.seconds * 1000;
  try {
    // Probes may still wait for decisions when the last request is answered.
    const probing = Promise.all(probes.map((each) => each.run(deadline)));
    const watching =
      spec.healthPerSecond === undefined ? undefined : watchHealth(spec.url, spec.healthPerSecond, deadline);
    const ofTraffic = await Promise.all(traffic.map((each) => each.run(deadline)));
    const endedAt = Date.now();
    const ofProbes = await probing;
    const health = await watching;
    return {
      startedAt,
      endedAt,
      traffic: named(spec.traffic, ofTraffic),
      probes: named(spec.probes, ofProbes),
      ...(health !== undefined && { health }),
    };
  } finally {
    clearInterval(reporting);
  }
}

function progressOf(runners: readonly (TrafficRunner | ProbeRunner)[]): LoadProgress {
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    acknowledged: sum(runners.map(({ tally }) => tally.acknowledged)),
    refused: sum(runners.flatMap(({ tally }) => Object.values(tally.refused))),
  };
}

function named<T>(specs: readonly { readonly name: string }[], results: readonly T[]): Record<string, T> {
  return Object.fromEntries(specs.map(({ name }, index) => [name, results[index] as T]));
}

process.on('message', ({ spec }: LoadRequest) => {
  run(spec).then(
    (result) => say({ kind: 'done', result }),
    (error: unknown) =>
      say({ kind: 'failed', reason: error instanceof Error ? `${error.stack}` : `${error}` }),
  );
});
// The harness has ended, in whatever way.
process.on('disconnect', () => process.exit());

import { measureStateStore, type StateStoreFigures } from '../warehouse/state-store.js';
import { loadRows, type LoadedRows } from '../warehouse/load-rows.js';
import { measureQueries, type MeasuredQueries, type QueryName } from '../warehouse/query-times.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';

const MB = 1_000_000;

/** The stores behind the pipeline, each alone: loads into Parquet, queries over many rows, and the state. */
export const warehouse: BenchCase = {
  name: 'warehouse',
  title:
    'loads into Parquet; queries over 10 million rows, before and after a compaction; the state on Postgres',
  // Of the state stores; for the rest it is given what is to be done.
  seconds: 20,
  quickSeconds: 1,
  run,
};

async function run({ quick, seconds, progress }: CaseContext): Promise<CaseResult> {
  const loaded = await loadRows({
    ...(quick
      ? { rows: 20_000, batchRows: 1_000, loadBatches: 10 }
      : { rows: 3_000_000, batchRows: 10_000, loadBatches: 20 }),
    progress,
  });
  const queries = await measureQueries({
    ...(quick
      ? { files: 40, rowsPerFile: 500, filesPerDay: 10, newFiles: 5, runs: 1 }
      : { files: 6_000, rowsPerFile: 1_667, filesPerDay: 600, newFiles: 300, runs: 5 }),
    progress,
  });
  const subjects = quick ? 1_000 : 100_000;
  const states: StateStoreFigures[] = [];
  for (const store of ['LMDB', 'Postgres'] as const) {
    progress(`the state in ${store}`);
    const found = await measureStateStore({ store, subjects, seconds });
    if (found) states.push(found);
  }
  return {
    figures: [...loadFigures(loaded), ...queryFigures(queries), ...states.flatMap(stateFigures)],
    // Nothing goes through the API; each part throws when a row is missing or is there twice.
    accounts: {},
    details: { loaded, queries, states },
    notes: [
      'Each query is a "headgate query" of its own, its start included. DuckDB makes the rows that are queried.',
      ...(states.length < 2 ? ['Postgres is not installed here, so the state on it was not measured.'] : []),
    ],
  };
}

function stateFigures({
  store,
  eventsPerSecond,
  ownCpuSeconds,
  serverCpuSeconds,
}: StateStoreFigures): Figure[] {
  return [
    { name: `state in ${store}`, value: eventsPerSecond, unit: 'events/s' },
    { name: `state in ${store}, own CPU`, value: ownCpuSeconds, unit: 's per 100,000 events' },
    ...(store === 'LMDB'
      ? []
      : [{ name: `state in ${store}, its CPU`, value: serverCpuSeconds, unit: 's per 100,000 events' }]),
  ];
}

function loadFigures({ rows, seconds, cpuSeconds, files, bytes, batchBytes }: LoadedRows): Figure[] {
  return [
    { name: 'loaded', value: Math.round(rows / seconds), unit: 'rows/s' },
    { name: 'loaded by a core', value: Math.round(rows / cpuSeconds), unit: 'rows/s' },
    {
      name: 'CPU of a load',
      value: Math.round((cpuSeconds / rows) * 1e8) / 100,
      unit: 's per million rows',
    },
    { name: 'batch files read', value: Math.round(batchBytes / MB), unit: 'MB' },
    { name: 'files written', value: files, unit: 'files' },
    { name: 'bytes written', value: Math.round(bytes / MB), unit: 'MB' },
  ];
}

function queryFigures({ before, compaction, after, withNewFiles }: MeasuredQueries): Figure[] {
  const stages = { before, after, 'with new files': withNewFiles };
  const sizes = Object.entries(stages).flatMap(([stage, { files, bytes }]): Figure[] => [
    { name: `files ${stage}`, value: files, unit: 'files' },
    { name: `size ${stage}`, value: Math.round(bytes / MB), unit: 'MB' },
  ]);
  const names = Object.keys(before.seconds) as QueryName[];
  const times = names.flatMap((name) =>
    Object.entries(stages).map(([stage, { seconds }]): Figure => ({
      name: `${name}, ${stage}`,
      value: seconds[name],
      unit: 's',
    })),
  );
  return [
    ...sizes.slice(0, 4),
    { name: 'compaction', value: Math.round(compaction.seconds * 10) / 10, unit: 's' },
    { name: 'compaction, CPU', value: Math.round(compaction.cpuSeconds * 10) / 10, unit: 's' },
    { name: 'compaction, memory', value: compaction.peakRssMb, unit: 'MB' },
    ...sizes.slice(4),
    ...times,
  ];
}

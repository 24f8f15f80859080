import { DiskMeter, type DiskSample } from '../system/disk.js';
import type { MemorySample } from '../system/meter.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';
import { earlierFigure } from './bench-case.js';
import { END_TO_END_RATE, latencyFigures, rateFigures, refusalFigures, round } from './figures.js';
import { REQUEST_EVENTS, saturation, SUBJECTS, usualTenants } from './traffic.js';

/** As many as keep the API busy with nothing but refusals, too. */
const CONNECTIONS = 256;
const QUICK_CONNECTIONS = 16;
/** Small enough that three minutes fill it, so that the bound is met and not just believed in. */
const MAX_SPOOL = '256MB';

/** Producers that send as fast as they can and do not listen. */
export const overload: BenchCase = {
  name: 'overload',
  title: 'far more than it can take, from producers that ignore Retry-After: memory, disk, refusals',
  seconds: 180,
  quickSeconds: 1,
  run,
};

function run(context: CaseContext): Promise<CaseResult> {
  const options = { tenants: usualTenants(context), env: { HEADGATE_MAX_SPOOL: MAX_SPOOL } };
  return context.sessions.onHeadgate(options, context.progress, async (session) => {
    const traffic = saturation(context, {
      pace: {
        kind: 'closed',
        connections: context.quick ? QUICK_CONNECTIONS : CONNECTIONS,
        honourRetryAfter: false,
      },
    });
    const disk = new DiskMeter(session.system.dataDir);
    const load = { subjects: SUBJECTS, traffic: [traffic], probes: [], seconds: context.seconds };
    const measured = await session.measure('measuring', load).finally(() => disk.stop());
    const posted = measured.load.traffic.saturation;
    const offered = ((posted?.requests ?? 0) * REQUEST_EVENTS) / measured.loadSeconds;
    const capacity = earlierFigure(context, 'end-to-end', END_TO_END_RATE);
    return {
      figures: [
        { name: 'events/s offered', value: Math.round(offered), unit: '/s' },
        {
          name: 'offered over what end-to-end reached',
          value: capacity === undefined ? null : round(offered / capacity),
          unit: 'x',
        },
        ...rateFigures(measured),
        ...latencyFigures('acknowledgement', posted?.acknowledgement),
        ...(posted === undefined ? [] : refusalFigures('requests', posted)),
        ...memoryFigures(measured.samples, context.seconds),
        ...diskFigures(disk.samples),
      ],
      accounts: { headgate: await session.account() },
      details: { measured, disk: disk.samples },
      notes: [`HEADGATE_MAX_SPOOL is ${MAX_SPOOL}, so that its bound is met; no limits on tenants' rates.`],
    };
  });
}

/** Headgate's memory after each third of the time: flat when the last two are alike. */
function memoryFigures(samples: readonly MemorySample[], seconds: number): Figure[] {
  const thirds = [seconds / 3, (2 * seconds) / 3, seconds];
  return thirds.flatMap((at) => {
    const sample = samples.findLast((each) => each.at <= at);
    const name = `RSS of headgate after ${Math.round(at)} s`;
    return [
      { name, value: sample?.rssMb.headgate ?? null, unit: 'MB' },
      { name: `${name}, without mapped files`, value: sample?.anonymousMb.headgate ?? null, unit: 'MB' },
    ];
  });
}

function diskFigures(samples: readonly DiskSample[]): Figure[] {
  const peak = (directory: string): number => Math.max(0, ...samples.map(({ mb }) => mb[directory] ?? 0));
  const last = samples.at(-1)?.mb ?? {};
  return Object.keys(last).flatMap((directory) => [
    { name: `disk: ${directory}, at most`, value: peak(directory), unit: 'MB' },
    { name: `disk: ${directory}, at the end`, value: last[directory] ?? 0, unit: 'MB' },
  ]);
}

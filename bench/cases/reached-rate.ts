import { earlierFigure, type CaseContext } from './bench-case.js';
import { END_TO_END_RATE } from './figures.js';
import type { Session } from './session.js';
import { saturation, SUBJECTS } from './traffic.js';

/** Seconds of saturation to find the rate where `end-to-end` was not run. */
const SECONDS = 15;

/**
 * The events/s that `end-to-end` reached in this run; where it was not run, what a short saturation reaches. Either way
 * the session has been warmed up after it.
 */
export async function reachedRate(context: CaseContext, session: Session): Promise<number> {
  const load = { subjects: SUBJECTS, traffic: [saturation(context)], probes: [] };
  await session.warmUp({ ...load, seconds: context.warmUpSeconds });
  const reached = earlierFigure(context, 'end-to-end', END_TO_END_RATE);
  if (reached !== undefined) return reached;
  const measured = await session.measure('finding the rate', {
    ...load,
    seconds: context.quick ? 1 : SECONDS,
  });
  return Math.round(measured.acknowledged / measured.endToEndSeconds);
}

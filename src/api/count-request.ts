import type { Context } from 'koa';
import type { Admission } from '../ingest/admission/admission.js';
import { heldBack } from './connections.js';
import { statusOf } from './problem.js';
import { FloodWatch, SlowedAnswers } from './slowed-answers.js';

/** Runs a request of somebody who is known, within what that somebody may ask. */
export type RequestCounter = (
  ctx: Context,
  payer: string,
  run: () => Promise<void>,
  /** Called when it has failed, before a refusal is held back. */
  onFailed?: () => void,
) => Promise<void>;

/**
 * Makes what counts requests of tenants and operators: as open until the answer is through, and by rate. Refusals of a
 * payer that goes on all the same, more than 50 in a second, are held back.
 */
export function createRequestCounter(admission: Admission): RequestCounter {
  const floods = new FloodWatch();
  const slowed = new SlowedAnswers();
  return async (ctx, payer, run, onFailed) => {
    holdOpen(ctx, admission.open(payer));
    try {
      admission.countRequest(payer);
      await run();
    } catch (error) {
      onFailed?.();
      if (statusOf(error) === 429 && floods.isFlood(payer))
        await slowed.hold(payer, (release) => heldBack(ctx.req, release));
      throw error;
    }
  };
}

/** The connection may have gone while the sender was looked at. */
function holdOpen({ res }: Context, leave: () => void): void {
  if (res.destroyed) leave();
  else res.once('close', leave);
}

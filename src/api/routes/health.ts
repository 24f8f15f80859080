import type Router from '@koa/router';
import type { Context } from 'koa';
import { messageOf } from '../../errors.js';
import { sharedAnswer } from '../shared-answer.js';

/** One thing a node needs to do its work. */
export interface ReadinessCheck {
  readonly name: string;
  /** Resolves when all is well; rejects with the reason when not. */
  readonly check: () => Promise<void> | void;
  /** True of what the door can do without for a while: events are taken and wait. The process is `degraded` then, and ready. */
  readonly degrades?: boolean;
}

/** Says that the process answers. */
export const LIVENESS_PATH = '/healthz';

/** Checks ask Temporal and the disk, and need no token. */
const KNOWN_FOR_MS = 500;

/**
 * Adds `/healthz` (the process answers: restart it if not) and `/readyz` (it takes events: send it none if not). While only
 * what degrades is amiss, `/readyz` is 200 with the status `degraded`. Neither needs a token.
 */
export function addHealthRoutes(router: Router, checks: readonly ReadinessCheck[]): void {
  router.get(LIVENESS_PATH, (ctx: Context) => {
    ctx.body = { status: 'ok' };
  });
  const look = sharedAnswer(() => Promise.all(checks.map(run)), KNOWN_FOR_MS);
  router.get('/readyz', async (ctx: Context) => {
    const results = await look();
    const amiss = checks.filter((_check, index) => results[index]?.ok !== true);
    const ready = amiss.every(({ degrades }) => degrades === true);
    ctx.status = ready ? 200 : 503;
    const degraded = amiss.length > 0 ? 'degraded' : 'ready';
    ctx.body = { status: ready ? degraded : 'not ready', checks: results };
  });
}

async function run({ name, check }: ReadinessCheck): Promise<{ name: string; ok: boolean; reason?: string }> {
  try {
    await check();
    return { name, ok: true };
  } catch (error) {
    return { name, ok: false, reason: messageOf(error) };
  }
}

import type Router from '@koa/router';
import type { Context } from 'koa';
import { messageOf } from '../../errors.js';
import { sharedAnswer } from '../shared-answer.js';

/** One thing a node needs to do its work. */
export interface ReadinessCheck {
  readonly name: string;
  /** Resolves when all is well; rejects with the reason when not. */
  readonly check: () => Promise<void> | void;
}

/** Checks ask Temporal and the disk, and need no token. */
const KNOWN_FOR_MS = 500;

/** Adds `/healthz` (the process answers) and `/readyz` (it can take events: every check holds). Neither needs a token. */
export function addHealthRoutes(router: Router, checks: readonly ReadinessCheck[]): void {
  router.get('/healthz', (ctx: Context) => {
    ctx.body = { status: 'ok' };
  });
  const look = sharedAnswer(() => Promise.all(checks.map(run)), KNOWN_FOR_MS);
  router.get('/readyz', async (ctx: Context) => {
    const results = await look();
    const ready = results.every(({ ok }) => ok);
    ctx.status = ready ? 200 : 503;
    ctx.body = { status: ready ? 'ready' : 'not ready', checks: results };
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

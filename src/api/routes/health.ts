import type Router from '@koa/router';
import type { Context } from 'koa';
import { messageOf } from '../../errors.js';

/** One thing a node needs to do its work. */
export interface ReadinessCheck {
  readonly name: string;
  /** Resolves when all is well; rejects with the reason when not. */
  readonly check: () => Promise<void> | void;
}

/** Adds `/healthz` (the process answers) and `/readyz` (it can take events: every check holds). Neither needs a token. */
export function addHealthRoutes(router: Router, checks: readonly ReadinessCheck[]): void {
  router.get('/healthz', (ctx: Context) => {
    ctx.body = { status: 'ok' };
  });
  router.get('/readyz', async (ctx: Context) => {
    const results = await Promise.all(checks.map(run));
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

import type Router from '@koa/router';
import type { Context } from 'koa';
import { assertBatchId } from '../../tenants/ids.js';
import { callerOf } from '../authenticate.js';
import type { Guard } from '../guard.js';
import type { Receipts } from '../../receipts/receipts.js';

/** Adds `GET /v1/batches/:id`: the batch's receipt. Only the caller's own tenant is looked in. */
export function addBatchRoutes(router: Router, guard: Guard, receipts: Receipts): void {
  router.get(
    '/v1/batches/:id',
    guard('batches:read', { temporalCost: 1 }),
    async (ctx: Context & { params: Record<string, string> }) => {
      const receipt = await receipts.receiptOf(callerOf(ctx).tenant, assertBatchId(ctx.params.id));
      ctx.body = JSON.stringify(receipt);
      ctx.type = 'application/json';
    },
  );
}

import type Router from '@koa/router';
import type { Context } from 'koa';
import { assertBatchId } from '../../tenant.js';
import { callerOf, requireScope, type Authenticator } from '../authenticate.js';
import type { Receipts } from '../receipts.js';

/** Adds `GET /v1/batches/:id`: the batch's receipt. Only the caller's own tenant is looked in. */
export function addBatchRoutes(router: Router, authenticate: Authenticator, receipts: Receipts): void {
  router.get(
    '/v1/batches/:id',
    requireScope(authenticate, 'batches:read'),
    async (ctx: Context & { params: Record<string, string> }) => {
      const receipt = await receipts.receiptOf(callerOf(ctx).tenant, assertBatchId(ctx.params.id));
      ctx.body = JSON.stringify(receipt);
      ctx.type = 'application/json';
    },
  );
}

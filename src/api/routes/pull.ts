import type Router from '@koa/router';
import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import type { PullMessage } from '../../pull/leased-batch.js';
import type { Pull, Subscriber } from '../../pull/pull.js';
import type { SettleResult } from '../../pull/subscription-queue.js';
import { callerOf } from '../authenticate.js';
import { bodyOf, type Guard } from '../guard.js';
import { whenHalfClosed } from '../half-closed.js';
import { parseAck, parseModify, parsePull, type PullBody } from '../pull-requests.js';
import { tokenOf } from '../token-watch.js';

/** What {@link addPullRoutes} needs. */
export interface PullRouteOptions {
  readonly guard: Guard;
  readonly pull: Pull;
}

type SubscriptionContext = Context & { params: Record<string, string> };

/** A thousand ack ids are 40 kB. */
const MAX_BODY_BYTES = 1_000_000;

/**
 * Adds `POST /v1/subscriptions/:name/pull`, `…/ack`, `…/nack` and `…/modify-ack-deadline`. What a token may pull from is
 * its own tenant's: all subscriptions by the scope `subscriptions:pull`, one by `subscriptions:pull:<name>`.
 */
export function addPullRoutes(router: Router, options: PullRouteOptions): void {
  const { guard, pull } = options;
  const mayPull = guard('subscriptions:pull', { narrowedBy: 'name', maxBytes: MAX_BODY_BYTES });
  const route = (
    call: string,
    handle: (ctx: Context, who: Subscriber, body: Buffer) => Promise<void>,
  ): void => {
    router.post(`/v1/subscriptions/:name/${call}`, mayPull, async (ctx: SubscriptionContext) => {
      const body = await bodyOf(ctx);
      await handle(ctx, { tenant: callerOf(ctx).tenant, subscription: ctx.params.name ?? '' }, body);
    });
  };

  route('pull', async (ctx, who, body) => {
    const messages = await takeFor(ctx, pull, who, parsePull(body));
    answer(ctx, messagesJson(messages));
    giveBackUnread(ctx, pull, who, messages);
  });
  route('ack', async (ctx, who, body) =>
    answer(ctx, resultsJson(await pull.ack(who, parseAck(body).ackIds))),
  );
  route('nack', async (ctx, who, body) =>
    answer(ctx, resultsJson(await pull.nack(who, parseAck(body).ackIds))),
  );
  route('modify-ack-deadline', async (ctx, who, body) => {
    const { ackIds, ackDeadlineSeconds } = parseModify(body);
    answer(ctx, resultsJson(await pull.extend(who, ackIds, ackDeadlineSeconds * 1000)));
  });
}

function answer(ctx: Context, json: string): void {
  ctx.body = json;
  ctx.type = 'application/json';
}

/**
 * Takes events for whom the token is good until it has them. A token that expires ends the wait: consumers whose tokens
 * are short ask again with the next.
 * @throws HeadgateError why the token is good no more, and what {@link Pull.pull} throws
 */
async function takeFor(
  ctx: Context,
  pull: Pull,
  who: Subscriber,
  request: PullBody,
): Promise<readonly PullMessage[]> {
  const token = tokenOf(ctx);
  const check = (): Promise<void> => token.check();
  const gone = goneSignal(ctx);
  try {
    const messages = await pull.pull(who, request, gone, check);
    await check().catch((reason: unknown) => {
      giveBack(pull, who, messages);
      throw reason;
    });
    if (!gone.aborted) return messages;
    giveBack(pull, who, messages);
    return [];
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'TOKEN_EXPIRED') return [];
    throw error;
  }
}

/** The events are JSON already. */
function messagesJson(messages: readonly PullMessage[]): string {
  const items = messages.map(
    ({ ackId, attempt, event }) => `{"ackId":"${ackId}","attempt":${attempt},"event":${event}}`,
  );
  return `{"messages":[${items.join(',')}]}`;
}

function resultsJson(results: readonly SettleResult[]): string {
  return JSON.stringify({ results });
}

/**
 * Aborted when the client has gone, or the token is good no more: who waits on it waits no longer. A consumer that has
 * closed its side of the connection is taken to have gone: events it was given would wait for their deadline.
 */
function goneSignal(ctx: Context): AbortSignal {
  const gone = new AbortController();
  if (ctx.res.destroyed) gone.abort();
  ctx.res.once('close', () => gone.abort());
  whenHalfClosed(ctx.req, ctx.res, () => gone.abort());
  tokenOf(ctx).whenLost(() => gone.abort());
  return gone.signal;
}

/** An answer that did not get through to its end is no use to its consumer: other consumers need not wait for the deadline. */
function giveBackUnread(ctx: Context, pull: Pull, who: Subscriber, messages: readonly PullMessage[]): void {
  ctx.res.once('close', () => {
    if (!ctx.res.writableFinished) giveBack(pull, who, messages);
  });
}

function giveBack(pull: Pull, who: Subscriber, messages: readonly PullMessage[]): void {
  const ackIds = messages.map(({ ackId }) => ackId);
  if (ackIds.length > 0) pull.nack(who, ackIds).catch(() => undefined);
}

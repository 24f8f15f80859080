import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import type { PullMessage } from '../../pull/leased-batch.js';
import type { Pull, Subscriber } from '../../pull/pull.js';
import type { SettleResult } from '../../pull/subscription-queue.js';
import { whenHalfClosed } from '../half-closed.js';
import { ANSWERED, route } from '../route.js';
import {
  ACK_BODY,
  MODIFY_BODY,
  PULL_ANSWER,
  PULL_BODY,
  SETTLE_ANSWER,
  type PullBody,
} from '../schemas/pull.js';
import { SUBSCRIPTION_NAME } from '../schemas/subscriptions.js';
import { tokenOf } from '../token-watch.js';
import { ORDER_PAID } from './example-event.js';

/** What the routes of consumers need of the server. */
export interface PullServices {
  readonly pull: Pull;
}

/** What they have in common. A thousand ack ids are 40 kB. */
const CONSUMER = {
  method: 'POST',
  tag: 'Pull',
  scope: 'subscriptions:pull',
  act: 'counted',
  narrowedBy: 'name',
  maxBytes: 1_000_000,
  params: { name: SUBSCRIPTION_NAME },
} as const;

const ACK_ID = 'Zk3x9QpLm2c.0.1';

const SETTLED = { results: [{ ackId: ACK_ID, status: 'ok' }] } as const;

const PULL = route(
  {
    ...CONSUMER,
    id: 'pull',
    path: '/v1/subscriptions/{name}/pull',
    summary: 'Pull events',
    description:
      'Leases events, or waits for them. What is not acknowledged before the deadline of the subscription is handed out again, under another `ackId`. A wait ends with the token.',
    body: { schema: PULL_BODY, optional: true },
    answer: { status: 200, description: 'Events; none if none came in time.', schema: PULL_ANSWER },
    errors: ['NOT_FOUND', 'TENANT_IN_FLIGHT_FULL'],
    examples: [
      {
        name: 'one',
        summary: 'At most one event',
        body: { maxMessages: 1, waitMs: 30_000 },
        answer: {
          messages: [
            {
              ackId: ACK_ID,
              attempt: 1,
              event: {
                ...ORDER_PAID,
                time: '2024-03-10T12:00:00.000Z',
                receivedat: '2024-03-10T12:00:00.000Z',
                hops: 1,
              },
            },
          ],
        },
      },
    ],
  },
  async ({ pull }: PullServices, { ctx, tenant, params, body }) => {
    const who = { tenant, subscription: params.name };
    const messages = await takeFor(ctx, pull, who, body);
    ctx.body = messagesJson(messages);
    ctx.type = 'application/json';
    giveBackUnread(ctx, pull, who, messages);
    return ANSWERED;
  },
);

const SETTLES = {
  answer: { status: 200, description: 'What became of each.', schema: SETTLE_ANSWER },
  errors: ['NOT_FOUND', 'LEASE_STALE'],
} as const;

const ACK_EXAMPLE = {
  name: 'one',
  summary: 'One message',
  body: { ackIds: [ACK_ID] },
  answer: SETTLED,
} as const;

const ACK = route(
  {
    ...CONSUMER,
    ...SETTLES,
    id: 'ack',
    path: '/v1/subscriptions/{name}/ack',
    summary: 'Acknowledge events',
    description: 'Ends leases: these events are done with. It is answered once Temporal has it.',
    body: { schema: ACK_BODY },
    examples: [
      ACK_EXAMPLE,
      {
        name: 'stale',
        summary: 'None of the leases is live',
        body: { ackIds: ['not-an-ack-id'] },
        status: 409,
        answer: {
          type: 'urn:headgate:problem:lease-stale',
          title: 'Conflict',
          status: 409,
          code: 'LEASE_STALE',
          detail: 'None of these leases is live: their events are available again, or acknowledged.',
          results: [{ ackId: 'not-an-ack-id', status: 'unknown' }],
        },
      },
    ],
  },
  async ({ pull }: PullServices, { tenant, params, body }) =>
    settled(await pull.ack({ tenant, subscription: params.name }, body.ackIds)),
);

const NACK = route(
  {
    ...CONSUMER,
    ...SETTLES,
    id: 'nack',
    path: '/v1/subscriptions/{name}/nack',
    summary: 'Give events back',
    description: 'Ends leases: these events are available again at once.',
    body: { schema: ACK_BODY },
    examples: [ACK_EXAMPLE],
  },
  async ({ pull }: PullServices, { tenant, params, body }) =>
    settled(await pull.nack({ tenant, subscription: params.name }, body.ackIds)),
);

const MODIFY = route(
  {
    ...CONSUMER,
    ...SETTLES,
    id: 'modifyAckDeadline',
    path: '/v1/subscriptions/{name}/modify-ack-deadline',
    summary: 'Keep events longer',
    description: 'Moves the deadline of leases, for what takes long to handle.',
    body: { schema: MODIFY_BODY },
    examples: [{ ...ACK_EXAMPLE, body: { ackIds: [ACK_ID], ackDeadlineSeconds: 60 } }],
  },
  async ({ pull }: PullServices, { tenant, params, body: { ackIds, ackDeadlineSeconds } }) =>
    settled(await pull.extend({ tenant, subscription: params.name }, ackIds, ackDeadlineSeconds * 1000)),
);

/**
 * The calls of consumers. What a token may pull from is its own tenant's: all subscriptions by the scope
 * `subscriptions:pull`, one by `subscriptions:pull:<name>`.
 */
export const PULL_ROUTES = [PULL, ACK, NACK, MODIFY];

function settled(results: readonly SettleResult[]): { readonly results: readonly SettleResult[] } {
  return { results };
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

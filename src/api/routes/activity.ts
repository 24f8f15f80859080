import { PassThrough } from 'node:stream';
import type { Context } from 'koa';
import { operatorPayer } from '../../ingest/admission/payer.js';
import type { Activity, ActivityQuestion } from '../../status/activity.js';
import { whenHalfClosed } from '../half-closed.js';
import { ANSWERED, route, type CallCaller } from '../route.js';
import { ACTIVITY, STREAM_QUERY } from '../schemas/activity.js';
import type { ViewerSlots } from '../viewer-slots.js';

/** What the routes of the activity need of the server. */
export interface ActivityServices {
  readonly activity: Pick<Activity, 'report' | 'follow' | 'isClosed'>;
  readonly viewerSlots: ViewerSlots;
}

const READING = { audience: 'either', method: 'GET', tag: 'Status', scope: 'status:read' } as const;

const SHOW = route(
  {
    ...READING,
    id: 'getActivity',
    path: '/v1/activity',
    summary: 'See what goes on',
    description:
      'Throughput and waits by stage over the last half hour, a sample every five seconds. A tenant sees itself, and how its subscriptions stand; an operator all that it reaches together, or the tenant that it names. What is said of subscriptions is some seconds old, see `lookedAt`.',
    answer: { status: 200, description: 'What goes on.', schema: ACTIVITY },
    examples: [
      {
        name: 'of-a-tenant',
        summary: 'Of a tenant',
        answer: {
          at: '2024-03-10T12:00:05.000Z',
          lookedAt: '2024-03-10T12:00:00.000Z',
          everySeconds: 5,
          samples: [
            {
              at: 1_710_072_000,
              acceptedEvents: 41.2,
              decided: 41.2,
              loaded: 0,
              delivered: 38,
              failed: 0.4,
              spoolSeconds: 0.2,
              loadSeconds: 3.1,
              deliverySeconds: 0.4,
            },
          ],
          subscriptions: [{ name: 'warehouse', state: 'active', batches: 1, oldestSeconds: 3.1 }],
        },
      },
    ],
  },
  ({ activity }: ActivityServices, { tenant, caller }) => activity.report(questionOf(tenant, caller)),
);

const STREAM = route(
  {
    ...READING,
    id: 'streamActivity',
    path: '/v1/activity/stream',
    summary: 'Follow what goes on',
    description:
      'The same as server-sent events named `activity`: the first has all samples, each further one the newest. It ends with the token. A reader that is too slow misses some.',
    query: STREAM_QUERY,
    answer: { status: 200, description: 'The events.', mediaType: 'text/event-stream' },
    errors: ['TENANT_IN_FLIGHT_FULL'],
    examples: [{ name: 'once', summary: 'What is known now', query: { seconds: '0' } }],
  },
  async ({ activity, viewerSlots }: ActivityServices, { ctx, tenant, caller, query: { seconds } }) => {
    const leave = viewerSlots.take(viewerOf(tenant, caller));
    const events = new PassThrough();
    events.once('close', leave);
    try {
      await send({ ctx, events }, activity, questionOf(tenant, caller), seconds);
    } catch (error) {
      events.destroy();
      throw error;
    }
    return ANSWERED;
  },
);

/** How it goes, as it goes: for a tenant, or for an operator over its tenants. */
export const ACTIVITY_ROUTES = [SHOW, STREAM];

/** An operator takes no place of the tenant that it looks at, nor of one that is called as it is. */
function viewerOf(tenant: string | undefined, { role, subject }: CallCaller): string {
  return role === 'operator' || tenant === undefined ? operatorPayer(subject) : tenant;
}

function questionOf(tenant: string | undefined, { reach }: CallCaller): ActivityQuestion {
  return { tenant, includes: (each) => reach.includes(each) };
}

async function send(
  { ctx, events }: { readonly ctx: Context; readonly events: PassThrough },
  activity: ActivityServices['activity'],
  question: ActivityQuestion,
  seconds: number,
): Promise<void> {
  const first = await activity.report(question);
  events.write(eventOf(first));
  ctx.status = 200;
  ctx.set('Content-Type', 'text/event-stream');
  ctx.body = events;
  if (seconds === 0) {
    events.end();
    return;
  }
  const stop = activity.follow(() => {
    if (activity.isClosed) return void events.end();
    // Who does not read has what is waiting, and no more.
    if (!events.writableNeedDrain)
      void activity.report(question, true).then((newest) => events.writable && events.write(eventOf(newest)));
  });
  // Those of the guard, of Koa and of the pipe are more than the ten that Node takes for a leak.
  ctx.res.setMaxListeners(20);
  // Who has closed its side reads no more, as far as anybody can tell.
  whenHalfClosed(ctx.req, ctx.res, () => ctx.res.destroy());
  const timer = setTimeout(() => events.end(), seconds * 1000).unref();
  events.once('close', () => {
    stop();
    clearTimeout(timer);
  });
}

function eventOf(report: Awaited<ReturnType<Activity['report']>>): string {
  return `event: activity\ndata: ${JSON.stringify(report)}\n\n`;
}

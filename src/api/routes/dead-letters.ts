import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import type { DeadLetters } from '../../dead-letters/dead-letters.js';
import type { Logger } from '../../platform/logger.js';
import type { Resolution } from '../../workflows/messages/deliveries.js';
import type { DeadLetterFilter } from '../../workflows/messages/resolve.js';
import { LIST_COST } from '../../ingest/admission/calls.js';
import type { ExportSlots } from '../export-slots.js';
import { paced, type ReaderPace } from '../reader-pace.js';
import { ANSWERED, route, type Call, type RouteShape } from '../route.js';
import {
  DEAD_LETTER_DETAILS,
  DEAD_LETTER_ID,
  DEAD_LETTER_PAGE,
  DISCARD_BODY,
  DISCARD_MANY_BODY,
  EXPORT_LINE,
  FILTER_QUERY,
  LIST_QUERY,
  REDRIVE_BODY,
  REDRIVE_ID,
  REDRIVE_MANY_BODY,
  REDRIVE_STATUS,
  RESOLVED,
  SHOW_QUERY,
  type WrittenFilter,
} from '../schemas/dead-letters.js';
import { COMPLETED, DEAD_LETTER, EXPORTED, RUNNING, SHOWN } from './dead-letter-examples.js';

/** What the routes of dead letters need of the server. */
export interface DeadLetterServices {
  readonly deadLetters: DeadLetters;
  readonly exportSlots: ExportSlots;
  /** How slowly an export may be read. Default: any for 30 s, then 16,000 bytes/s. */
  readonly exportPace?: ReaderPace;
  readonly log: Logger;
}

const READING = { method: 'GET', tag: 'Dead letters', scope: 'dead-letters:read' } as const;

const ACTING = {
  method: 'POST',
  tag: 'Dead letters',
  scope: 'dead-letters:write',
  maxBytes: 16_384,
} as const;

/** What reading the file of a batch can come to. */
const OF_FILES = [
  'BATCH_UNREACHABLE',
  'BATCH_STORE_UNAVAILABLE',
  'BATCH_STORE_REFUSED',
  'BATCH_KEY_MISSING',
  'BATCH_KEY_WRONG',
] as const;

const LIST = route(
  {
    ...READING,
    id: 'listDeadLetters',
    path: '/v1/dead-letters',
    summary: 'List dead letters',
    description: 'The dead letters that wait, by page, newest first.',
    temporalCost: LIST_COST,
    query: LIST_QUERY,
    answer: { status: 200, description: 'A page.', schema: DEAD_LETTER_PAGE },
    errors: ['PAGE_TOKEN_INVALID'],
    examples: [
      {
        name: 'of-a-subscription',
        summary: 'Those of one subscription',
        query: { subscription: 'crm', limit: '10' },
        answer: { deadLetters: [DEAD_LETTER] },
      },
    ],
  },
  async ({ deadLetters }: DeadLetterServices, { tenant, query: { limit, pageToken, ...written } }) =>
    deadLetters.list(tenant, { filter: filterOf(written, 'PARAMETER_INVALID'), limit, pageToken }),
);

const EXPORT = route(
  {
    ...READING,
    id: 'exportDeadLetters',
    path: '/v1/dead-letters/export',
    summary: 'Export the events of dead letters',
    description:
      'All events of the dead letters that a filter matches, one a line. A connection that is cut has not got all of them. At most two exports of a tenant run at once.',
    temporalCost: LIST_COST,
    query: FILTER_QUERY,
    answer: {
      status: 200,
      description: 'A line for each event.',
      schema: EXPORT_LINE,
      mediaType: 'application/x-ndjson',
    },
    errors: ['TENANT_IN_FLIGHT_FULL', ...OF_FILES],
    examples: [
      {
        name: 'of-a-subscription',
        summary: 'Those of one subscription',
        query: { subscription: 'crm' },
        answer: EXPORTED,
      },
    ],
  },
  async ({ deadLetters, exportSlots, exportPace, log }: DeadLetterServices, { ctx, tenant, query }) => {
    const lines = deadLetters.export(tenant, filterOf(query, 'PARAMETER_INVALID'));
    const cut = (): void => {
      log.warn('EXPORT_CUT', { tenant });
      ctx.res.destroy();
    };
    await stream(ctx, paced(lines, cut, exportPace), exportSlots.take(tenant), (error) =>
      log.error('EXPORT_FAILED', { err: error, tenant }),
    );
    return ANSWERED;
  },
);

const SHOW_REDRIVE = route(
  {
    ...READING,
    id: 'getRedrive',
    path: '/v1/dead-letters/redrives/{id}',
    summary: 'Follow a redrive or discard of many',
    description: 'How far it is.',
    temporalCost: 1,
    params: { id: REDRIVE_ID },
    answer: { status: 200, description: 'How far it is.', schema: REDRIVE_STATUS },
    errors: ['NOT_FOUND'],
    examples: [{ name: 'completed', summary: 'One that has ended', answer: COMPLETED }],
  },
  async ({ deadLetters }: DeadLetterServices, { tenant, params }) =>
    deadLetters.redrives.show(tenant, params.id),
);

const SHOW = route(
  {
    ...READING,
    id: 'getDeadLetter',
    path: '/v1/dead-letters/{id}',
    summary: 'Show a dead letter',
    description: 'A dead letter with its events, and every attempt to deliver each.',
    temporalCost: 1,
    params: { id: DEAD_LETTER_ID },
    query: SHOW_QUERY,
    answer: { status: 200, description: 'The dead letter.', schema: DEAD_LETTER_DETAILS },
    errors: ['NOT_FOUND', ...OF_FILES],
    examples: [{ name: 'waiting', summary: 'One that waits', query: { limit: '1' }, answer: SHOWN }],
  },
  async ({ deadLetters }: DeadLetterServices, { tenant, params, query }) =>
    deadLetters.show(tenant, params.id, query),
);

const REASON = { reason: 'the events of a test' };

/** What each verb makes of dead letters, and what is said of it. */
const VERBS = {
  redrive: {
    outcome: 'redriven',
    one: 'Redrive a dead letter',
    many: 'Redrive many dead letters',
    does: 'Tries its events again, all of them.',
    body: REDRIVE_BODY,
    manyBody: REDRIVE_MANY_BODY,
  },
  discard: {
    outcome: 'discarded',
    one: 'Discard a dead letter',
    many: 'Discard many dead letters',
    does: 'Gives its events up for good.',
    body: DISCARD_BODY,
    manyBody: DISCARD_MANY_BODY,
  },
} as const;

const OF_MANY = Object.entries(VERBS).map(([verb, { outcome, many, does, manyBody }]) =>
  route(
    {
      ...ACTING,
      id: `${verb}DeadLetters`,
      path: `/v1/dead-letters/${verb}`,
      summary: many,
      description: `${does} Of those that a filter matches; at most four of a tenant run at once. The same asked for again within ten seconds is the one that runs.`,
      temporalCost: LIST_COST,
      body: { schema: manyBody },
      answer: { status: 202, description: 'Temporal has it.', schema: REDRIVE_STATUS },
      errors: ['DEAD_LETTER_UNREADABLE'],
      examples: [
        {
          name: 'of-a-subscription',
          summary: 'Those of one subscription',
          body: { filter: { subscription: 'none-of-this-name' }, eventsPerSecond: 500, ...REASON },
          answer: RUNNING,
        },
      ],
    },
    async ({ deadLetters }: DeadLetterServices, call) => {
      const { filter, eventsPerSecond, reason } = call.body;
      const request = { outcome, filter: filterOf(filter, 'BODY_MALFORMED'), eventsPerSecond };
      return deadLetters.redrives.start(call.tenant, request, by(call, reason));
    },
  ),
);

const OF_ONE = Object.entries(VERBS).map(([verb, { outcome, one, does, body }]) =>
  route(
    {
      ...ACTING,
      id: `${verb}DeadLetter`,
      path: `/v1/dead-letters/{id}/${verb}`,
      summary: one,
      description: `${does} Who asked, the token's subject, goes into its history.`,
      temporalCost: 1,
      params: { id: DEAD_LETTER_ID },
      body: { schema: body, optional: verb === 'redrive' },
      answer: { status: 202, description: 'Temporal has it.', schema: RESOLVED },
      errors: [
        'NOT_FOUND',
        'DEAD_LETTER_RESOLVED',
        ...(outcome === 'redriven' ? (['DEAD_LETTER_UNREADABLE'] as const) : []),
      ],
      examples: [
        {
          name: 'with-reason',
          summary: 'With the reason',
          body: REASON,
          answer: {
            id: DEAD_LETTER.id,
            workflowId: DEAD_LETTER.workflowId,
            outcome,
            by: { actor: 'ops@example.com', ...REASON },
          },
        },
      ],
    },
    async ({ deadLetters }: DeadLetterServices, call) =>
      deadLetters.resolve(call.tenant, call.params.id, outcome, by(call, call.body.reason)),
  ),
);

const CANCEL = route(
  {
    ...ACTING,
    id: 'cancelRedrive',
    path: '/v1/dead-letters/redrives/{id}/cancel',
    summary: 'Cancel a redrive or discard of many',
    description: 'Ends it; what is left stays dead. One that has ended stays as it is.',
    temporalCost: 1,
    params: { id: REDRIVE_ID },
    answer: { status: 202, description: 'How it stands.', schema: REDRIVE_STATUS },
    errors: ['NOT_FOUND'],
    examples: [{ name: 'completed', summary: 'One that has ended', answer: COMPLETED }],
  },
  async ({ deadLetters }: DeadLetterServices, call) =>
    deadLetters.redrives.cancel(call.tenant, call.params.id, by(call)),
);

/**
 * The routes under `/v1/dead-letters`. An id is `<subscription>~<batch>~…`, the workflow id's parts after the tenant. A
 * 202 means that Temporal has what was asked for. Who asked, the token's subject, goes into the history of each dead letter.
 */
export const DEAD_LETTER_ROUTES = [LIST, EXPORT, SHOW_REDRIVE, SHOW, ...OF_MANY, ...OF_ONE, CANCEL];

function by({ caller: { subject } }: Pick<Call<RouteShape>, 'caller'>, reason?: string): Resolution {
  return { actor: subject, ...(reason !== undefined && { reason }) };
}

/** @throws HeadgateError `code`, for a time that there has never been */
function filterOf(
  { from, to, ...rest }: WrittenFilter,
  code: 'PARAMETER_INVALID' | 'BODY_MALFORMED',
): DeadLetterFilter {
  const times = Object.entries({ from, to }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Date.parse(value)] as const],
  );
  const wrong = times.find(([, ms]) => Number.isNaN(ms));
  if (wrong !== undefined) throw new HeadgateError(code, `"${wrong[0]}" is not a time.`);
  return { ...rest, ...Object.fromEntries(times) };
}

/**
 * Sends lines as fast as they are read. What fails before the first is answered; what fails later cuts the connection: a
 * short answer must not look whole.
 */
async function stream(
  ctx: Context,
  lines: AsyncGenerator<string, void>,
  onEnd: () => void,
  onError: (error: Error) => void,
): Promise<void> {
  const first = await lines.next().catch((error: unknown) => {
    onEnd();
    throw error;
  });
  const body = Readable.from(goOn(first, lines));
  body.once('close', onEnd).once('error', (error) => {
    // Where the connection was cut or left, that is all that has failed.
    if (!ctx.res.destroyed) onError(error);
    ctx.res.destroy();
  });
  ctx.body = body;
  ctx.type = 'application/x-ndjson';
}

async function* goOn(
  first: IteratorResult<string, void>,
  lines: AsyncGenerator<string, void>,
): AsyncGenerator<string> {
  if (first.done === true) return;
  yield first.value;
  yield* lines;
}

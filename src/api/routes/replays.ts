import { LIST_COST } from '../../ingest/admission/calls.js';
import { checkReplayRequest, REPLAY_REQUEST } from '../../replays/replay-request.js';
import type { Replays } from '../../replays/replays.js';
import { parseJson } from '../request.js';
import { route } from '../route.js';
import {
  REACH,
  REPLAY_CANCELLED,
  REPLAY_ID,
  REPLAY_LIST,
  REPLAY_SUMMARY,
  REPLAY_VIEW,
} from '../schemas/replays.js';

/** What the routes of replays need of the server. */
export interface ReplayServices {
  readonly replays: Replays;
}

const MAX_BODY_BYTES = 64_000;

const REPLAY = {
  id: '20240310t120000-0123abcd',
  status: 'running',
  range: { from: '2024-03-09T00:00:00.000Z', to: '2024-03-10T00:00:00.000Z', by: 'receipt' },
  task: { kind: 'deliver', subscription: 'crm' },
  version: '3f2a9c01d4e5',
  dryRun: true,
  eventsPerSecond: 5_000,
  requestedAt: '2024-03-10T12:00:00.000Z',
  workflowId: 'replay/acme/20240310t120000-0123abcd',
} as const;

const ENDED = { ...REPLAY, status: 'completed', closedAt: '2024-03-10T12:00:01.200Z' } as const;

const REACHES = { retentionMs: 2_592_000_000, keptSince: '2024-02-09T08:30:00.000Z' } as const;

/**
 * The routes of replays, and `GET /v1/retention`. A 202 means that Temporal has what was asked for. All are about the
 * caller's own tenant.
 */
export const REPLAY_ROUTES = [
  route(
    {
      id: 'startReplay',
      method: 'POST',
      path: '/v1/replays',
      tag: 'Replays',
      scope: 'replays:write',
      summary: 'Start a replay',
      description:
        'Runs kept events again: delivers them, fills a new subscription with them, or decides on them by other rules. At most ten of a tenant run at once.',
      maxBytes: MAX_BODY_BYTES,
      temporalCost: LIST_COST,
      body: { schema: REPLAY_REQUEST, read: (body) => checkReplayRequest(parseJson(body)) },
      answer: {
        status: 202,
        description: 'Temporal has it.',
        schema: REPLAY_SUMMARY,
        headers: { Location: 'Where the replay is shown.' },
      },
      errors: ['REPLAY_INVALID', 'RULES_UNKNOWN'],
      examples: [
        {
          name: 'dry-run',
          summary: 'What delivering a day again to one subscription would do',
          body: { from: '2024-03-09', to: '2024-03-10', subscription: 'crm', dryRun: true },
          answer: REPLAY,
        },
        {
          name: 'contradiction',
          summary: 'A range that ends before it begins',
          body: { from: '2024-03-10', to: '2024-03-09', subscription: 'crm' },
          status: 400,
          answer: {
            type: 'urn:headgate:problem:replay-invalid',
            title: 'Bad Request',
            status: 400,
            code: 'REPLAY_INVALID',
            detail: 'This replay cannot be: "from" must be before "to".',
          },
        },
      ],
    },
    async ({ replays }: ReplayServices, { ctx, tenant, body }) => {
      const started = await replays.start(tenant, body);
      ctx.set('Location', `/v1/replays/${started.id}`);
      return started;
    },
  ),
  route(
    {
      id: 'listReplays',
      method: 'GET',
      path: '/v1/replays',
      tag: 'Replays',
      scope: 'replays:read',
      summary: 'List replays',
      description: 'The latest replays, and how far back replay reaches.',
      temporalCost: LIST_COST,
      answer: { status: 200, description: 'The latest 100, newest first.', schema: REPLAY_LIST },
      examples: [
        { name: 'one', summary: 'One that has ended', answer: { replays: [ENDED], reach: REACHES } },
      ],
    },
    async ({ replays }: ReplayServices, { tenant }) => ({
      replays: await replays.list(tenant),
      reach: await replays.reach(tenant),
    }),
  ),
  route(
    {
      id: 'getReplay',
      method: 'GET',
      path: '/v1/replays/{id}',
      tag: 'Replays',
      scope: 'replays:read',
      summary: 'Show a replay',
      description: 'How far a replay is, or its report.',
      temporalCost: 1,
      params: { id: REPLAY_ID },
      answer: { status: 200, description: 'The replay.', schema: REPLAY_VIEW },
      errors: ['NOT_FOUND'],
      examples: [
        {
          name: 'ended',
          summary: 'One that has ended',
          answer: {
            ...ENDED,
            report: {
              batches: 0,
              events: 0,
              matched: 0,
              deliveries: 0,
              decisions: 0,
              skipped: 0,
              bytes: 0,
              dryRun: true,
              seconds: 1.2,
              warmUpEvents: 0,
              wouldDeliver: [],
              notes: [],
            },
            url: 'http://127.0.0.1:8233/namespaces/headgate/workflows/replay%2Facme%2F20240310t120000-0123abcd/0f0c4c6e-1c06-4a2b-9a3a-2f6f1c1b8e11/history',
          },
        },
      ],
    },
    async ({ replays }: ReplayServices, { tenant, params }) => replays.show(tenant, params.id),
  ),
  route(
    {
      id: 'cancelReplay',
      method: 'POST',
      path: '/v1/replays/{id}/cancel',
      tag: 'Replays',
      scope: 'replays:write',
      summary: 'Cancel a replay',
      description: 'Asks a replay to stop. What it has delivered and recorded stays.',
      temporalCost: 1,
      params: { id: REPLAY_ID },
      answer: { status: 202, description: 'Temporal has been asked.', schema: REPLAY_CANCELLED },
      errors: ['NOT_FOUND'],
      examples: [
        {
          name: 'cancelled',
          summary: 'One that runs',
          answer: { id: REPLAY.id, status: 'cancelling' },
        },
      ],
    },
    async ({ replays }: ReplayServices, { tenant, params: { id } }) => {
      await replays.cancel(tenant, id);
      return { id, status: 'cancelling' as const };
    },
  ),
  route(
    {
      id: 'getRetention',
      method: 'GET',
      path: '/v1/retention',
      tag: 'Replays',
      scope: 'replays:read',
      summary: 'Show how far back replay reaches',
      description: 'How long batches are kept, and the oldest event that is kept.',
      temporalCost: 1,
      answer: { status: 200, description: 'How far back.', schema: REACH },
      examples: [{ name: 'kept', summary: 'Thirty days', answer: REACHES }],
    },
    async ({ replays }: ReplayServices, { tenant }) => replays.reach(tenant),
  ),
];

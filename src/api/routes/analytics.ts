import { CALLS, type AnalyticsCall } from '../../analytics/calls.js';
import {
  anything,
  closed,
  flag,
  list,
  literal,
  map,
  object,
  optional,
  raw,
  text,
} from '../../platform/json-schema.js';
import { BATCH_PATHS, pathsOf, SETTINGS_PATH, SOURCE_CONFIG_PATH } from '../analytics/paths.js';
import { takeAnalytics, type AnalyticsServices } from '../analytics/take.js';
import { MAX_EVENTS } from '../parse-body.js';
import { route, type Route, type RouteExample } from '../route.js';
import { MAX_BODY_BYTES } from './events.js';

const EXAMPLE_ID = 'node-next-1710072000000-5d1f';

const EVENT = object(
  {
    type: optional(text({ description: `In a batch: one of ${CALLS.join(', ')}.` })),
    messageId: optional(text({ description: 'Becomes `id`. Without one, an id is made.' })),
    userId: optional(anything({ description: 'Becomes `subject`.' })),
    anonymousId: optional(anything({ description: 'Becomes `subject` where there is no `userId`.' })),
    timestamp: optional(
      anything({ description: 'Becomes `time`; else `originalTimestamp`, else `sentAt`.' }),
    ),
    event: optional(anything({ description: 'Of `track`: what happened.' })),
    properties: optional(anything({ description: 'Of `track`, `page` and `screen`: what is known of it.' })),
    traits: optional(anything({ description: 'Of `identify` and `group`: what is known of the subject.' })),
    name: optional(anything({ description: 'Of `page` and `screen`.' })),
    groupId: optional(anything({ description: 'Of `group`.' })),
    previousId: optional(anything({ description: 'Of `alias`: the subject that becomes the other.' })),
    context: optional(anything({ description: 'Where it comes from.' })),
    writeKey: optional(anything({ description: 'The write key, where no header has it.' })),
  },
  {
    title: 'AnalyticsEvent',
    description: 'An event as Segment and RudderStack write it.',
    additionalProperties: true,
  },
);

const BATCH = object(
  {
    batch: list(EVENT, { maxItems: MAX_EVENTS }),
    context: optional(anything({ description: 'Of all events; what an event says itself wins.' })),
    integrations: optional(anything({ description: 'The same.' })),
    sentAt: optional(anything({ description: 'The time of an event that has none.' })),
    writeKey: optional(anything({ description: 'The write key, where no header has it.' })),
  },
  {
    title: 'AnalyticsBatch',
    description: 'Several events as Segment and RudderStack write them.',
    additionalProperties: true,
  },
);

const TAKEN = closed({ success: literal(true) }, { title: 'AnalyticsAnswer' });

const HOW = `The key is the user name of Basic, \`writeKey\` of the query, \`X-Write-Key\`, or \`writeKey\` of the body.
The body is JSON whatever its content type says, and may be gzip whether it says so or not.
A 200 means that all good events are on disk. One that is not good refuses nothing beside it, and is kept for a day: \`GET /v1/rejected-events\`.
[How events become CloudEvents](../how-to/segment-and-rudderstack.md).`;

const SENDING = {
  method: 'POST',
  tag: 'Analytics',
  scope: 'events:write',
  writeKeys: true,
  maxBytes: MAX_BODY_BYTES,
  takesEvents: true,
  act: 'counted',
  answer: { status: 200, description: 'What is good is on disk.', schema: TAKEN },
  errors: ['TENANT_BACKLOG_FULL', 'BUDGET_REACHED', 'DISK_FULL', 'STATE_UNAVAILABLE'],
} as const;

const SEND_BATCH = route(
  {
    ...SENDING,
    ...BATCH_PATHS,
    id: 'sendAnalyticsBatch',
    summary: 'Send events of Segment or RudderStack clients',
    description: `Takes what these clients send to their vendor, also at ${said(BATCH_PATHS.aliases)}. ${HOW}`,
    body: { schema: raw<unknown>({ anyOf: [BATCH, EVENT] }), read: 'raw' },
    examples: [
      {
        name: 'batch',
        summary: 'What a user is, and what it has done',
        body: {
          batch: [
            {
              type: 'identify',
              messageId: `${EXAMPLE_ID}-1`,
              userId: 'c-9',
              traits: { plan: 'gold' },
              timestamp: '2024-03-10T12:00:00.000Z',
            },
            {
              type: 'track',
              messageId: `${EXAMPLE_ID}-2`,
              userId: 'c-9',
              event: 'Order Completed',
              properties: { total: 30 },
              timestamp: '2024-03-10T12:00:00.000Z',
            },
          ],
          context: { library: { name: 'analytics-go', version: '3.0.0' } },
        },
        answer: { success: true },
      },
    ],
  },
  async (services: AnalyticsServices, { ctx, tenant }) => {
    await takeAnalytics(services, tenant, undefined, ctx);
    return { success: true } as const;
  },
);

const EXAMPLES: Readonly<Record<AnalyticsCall, Readonly<Record<string, unknown>>>> = {
  track: { userId: 'c-9', event: 'Order Completed', properties: { total: 30 } },
  identify: { userId: 'c-9', anonymousId: 'a-1', traits: { plan: 'gold' } },
  page: { anonymousId: 'a-1', name: 'Prices', properties: { path: '/prices' } },
  screen: { anonymousId: 'a-1', name: 'Prices' },
  group: { userId: 'c-9', groupId: 'g-1', traits: { name: 'Initech' } },
  alias: { userId: 'c-9', previousId: 'a-1' },
};

const SUMMARIES: Readonly<Record<AnalyticsCall, string>> = {
  track: 'Say what somebody did',
  identify: 'Say who somebody is',
  page: 'Say which page somebody saw',
  screen: 'Say which screen somebody saw',
  group: 'Say which group somebody belongs to',
  alias: 'Say that two ids are one',
};

const SEND_ONE = CALLS.map((call) => {
  const paths = pathsOf(call);
  const example: RouteExample = {
    name: 'one',
    summary: SUMMARIES[call],
    body: { messageId: `${EXAMPLE_ID}-${call}`, timestamp: '2024-03-10T12:00:00.000Z', ...EXAMPLES[call] },
    answer: { success: true },
  };
  return route(
    {
      ...SENDING,
      ...paths,
      id: `sendAnalytics${call.charAt(0).toUpperCase()}${call.slice(1)}`,
      summary: SUMMARIES[call],
      description: `Takes one \`${call}\` of these clients, also at ${said(paths.aliases)}. ${HOW}`,
      body: { schema: EVENT, read: 'raw' },
      examples: [example],
    },
    async (services: AnalyticsServices, { ctx, tenant }) => {
      await takeAnalytics(services, tenant, call, ctx);
      return { success: true } as const;
    },
  );
});

const KEY = text({ description: 'A write key.', examples: ['web:3f9c'] });

/** Both answer alike for every key, so nobody learns from them which there are; events are what a key is looked at for. */
const WITHOUT_LOOKING = 'The key is not looked at.';

const SETTINGS = route(
  {
    id: 'getAnalyticsSettings',
    method: 'GET',
    path: SETTINGS_PATH,
    tag: 'Analytics',
    summary: "Settings of Segment's browser client",
    description: `Without them it sends nothing. ${WITHOUT_LOOKING}`,
    params: { key: KEY },
    answer: {
      status: 200,
      description: 'Where its events belong.',
      schema: closed({ integrations: map(map(text())) }, { title: 'AnalyticsSettings' }),
    },
    examples: [
      {
        name: 'settings',
        summary: 'What it needs',
        answer: { integrations: { 'Segment.io': { apiKey: 'web:3f9c' } } },
      },
    ],
  },
  (_services: object, { params: { key } }) =>
    Promise.resolve({ integrations: { 'Segment.io': { apiKey: key } } }),
);

const SOURCE_CONFIG = route(
  {
    id: 'getAnalyticsSourceConfig',
    method: 'GET',
    path: SOURCE_CONFIG_PATH,
    tag: 'Analytics',
    summary: "Configuration of RudderStack's browser client",
    description: `Without it, it sends nothing. ${WITHOUT_LOOKING}`,
    answer: {
      status: 200,
      description: 'A source without destinations in the browser.',
      schema: closed(
        {
          source: closed({
            id: text(),
            name: text(),
            enabled: flag(),
            config: map(anything()),
            destinations: list(anything()),
          }),
        },
        { title: 'AnalyticsSourceConfig' },
      ),
    },
    examples: [{ name: 'config', summary: 'What it needs', answer: sourceConfig() }],
  },
  () => Promise.resolve(sourceConfig()),
);

function sourceConfig() {
  return { source: { id: 'headgate', name: 'headgate', enabled: true, config: {}, destinations: [] } };
}

function said(paths: readonly string[]): string {
  return paths.map((path) => `\`${path}\``).join(', ');
}

/** What clients of Segment, RudderStack and Jitsu send to, and what those of the browser ask for first. */
export const ANALYTICS_ROUTES: readonly Route<AnalyticsServices>[] = [
  SEND_BATCH,
  ...SEND_ONE,
  SETTINGS,
  SOURCE_CONFIG,
];

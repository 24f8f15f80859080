import { HeadgateError } from '../../errors.js';
import { SOURCE_NAME as NAME } from '../../sources/source-file.js';
import type { SourceChanges } from '../../tenant-changes/sources.js';
import { route } from '../route.js';
import {
  KEY_BODY,
  KEY_ID,
  KEY_ROTATION_BODY,
  SETTINGS_BODY,
  SOURCE_BODY,
  SOURCE_CHANGED,
  SOURCE_NAME,
  SOURCES,
} from '../schemas/sources.js';
import { REASON_QUERY, TENANT_IN_PATH } from '../schemas/tenants.js';
import { authorOf, MANAGED } from './managing.js';

/** What the routes of sources need of the server. */
export interface SourceServices {
  readonly sources: Pick<
    SourceChanges,
    'list' | 'create' | 'replace' | 'delete' | 'makeKey' | 'rotate' | 'revoke'
  >;
}

/** Of every route here. */
const OF_SOURCES = { ...MANAGED, tag: 'Sources', scope: 'tenants:write' } as const;
const MAX_BODY_BYTES = 30_000;
const ERRORS = ['NOT_FOUND', 'STATE_CONFLICT', 'DISK_FULL', 'SOURCES_DAMAGED'] as const;
const NAMED = { tenant: TENANT_IN_PATH, name: SOURCE_NAME };
const BODY = { maxBytes: MAX_BODY_BYTES, errors: ERRORS } as const;
const CHANGED = { status: 200, description: 'The source.', schema: SOURCE_CHANGED } as const;
const MADE_ONE = {
  status: 201,
  description: 'The source, and its new key.',
  schema: SOURCE_CHANGED,
} as const;

const BY = { madeAt: '2024-03-10T12:00:00.000Z', by: 'ops@example.com' };
const FIRST = { id: 1, ends: 'x7f2', ...BY };
const SETTINGS = { allowedOrigins: ['https://shop.example'], eventTypes: ['track.*'] };
const ANY_TYPE = { name: 'web', ...BY, allowedOrigins: SETTINGS.allowedOrigins, keys: [FIRST] };
const MADE = { ...ANY_TYPE, ...SETTINGS };
const KEY = 'c4q9z1m8t0v5b3n6k2w7j9r4x';
const SECOND = { id: 2, ends: 'jr4x', ...BY };

/** The routes of tenants' sources and write keys: for operators, of the tenants of their tokens alone. */
export const SOURCE_ROUTES = [
  route(
    {
      ...OF_SOURCES,
      id: 'listSources',
      method: 'GET',
      path: '/v1/tenants/{tenant}/sources',
      scope: 'tenants:read',
      summary: 'List the sources of a tenant',
      description:
        'What each may send, and its keys: since when they are valid. The keys themselves are never shown.',
      params: { tenant: TENANT_IN_PATH },
      answer: { status: 200, description: 'The sources.', schema: SOURCES },
      errors: ['NOT_FOUND', 'SOURCES_DAMAGED'],
      examples: [{ name: 'all', summary: 'A source with a key', answer: { sources: [MADE] } }],
    },
    async ({ sources }: SourceServices, { tenant }) => ({ sources: await sources.list(tenant) }),
  ),
  route(
    {
      ...OF_SOURCES,
      ...BODY,
      id: 'createSource',
      method: 'POST',
      path: '/v1/tenants/{tenant}/sources',
      summary: 'Create a source',
      description:
        'It has a write key, which this answer shows, and nothing ever again: its hash alone is kept.',
      params: { tenant: TENANT_IN_PATH },
      body: { schema: SOURCE_BODY },
      answer: MADE_ONE,
      examples: [
        {
          name: 'page',
          summary: 'The pages of a shop, which may send what they track',
          body: { name: 'web', ...SETTINGS, reason: 'the new shop' },
          answer: { ...MADE, change: 'source-created', number: 2, key: KEY },
        },
      ],
    },
    ({ sources }: SourceServices, call) => {
      const { name, allowedOrigins, eventTypes } = call.body;
      const asked = { tenant: call.tenant, name, author: authorOf(call) };
      return sources.create({ ...asked, settings: { allowedOrigins, eventTypes } });
    },
  ),
  route(
    {
      ...OF_SOURCES,
      ...BODY,
      id: 'replaceSource',
      method: 'PUT',
      path: '/v1/tenants/{tenant}/sources/{name}',
      summary: 'Replace what a source may send',
      description: 'Its keys stay.',
      params: NAMED,
      body: { schema: SETTINGS_BODY },
      answer: CHANGED,
      examples: [
        {
          name: 'any-type',
          summary: 'Any type of event, from one origin',
          body: { allowedOrigins: ['https://shop.example'] },
          answer: { ...ANY_TYPE, change: 'source-replaced', number: 3 },
        },
      ],
    },
    ({ sources }: SourceServices, call) => {
      const { allowedOrigins, eventTypes } = call.body;
      return sources.replace({ ...requestOf(call), settings: { allowedOrigins, eventTypes } });
    },
  ),
  route(
    {
      ...OF_SOURCES,
      id: 'deleteSource',
      method: 'DELETE',
      path: '/v1/tenants/{tenant}/sources/{name}',
      summary: 'Delete a source',
      description: 'All its keys end at once, for good.',
      params: NAMED,
      query: REASON_QUERY,
      answer: { ...CHANGED, description: 'What it was, without keys.' },
      errors: ERRORS,
      examples: [
        {
          name: 'all',
          summary: 'A shop that is no more',
          query: { reason: 'the shop was closed' },
          answer: { ...MADE, keys: [], change: 'source-deleted', number: 4 },
        },
      ],
    },
    ({ sources }: SourceServices, call) => sources.delete(requestOf(call)),
  ),
  route(
    {
      ...OF_SOURCES,
      ...BODY,
      id: 'makeSourceKey',
      method: 'POST',
      path: '/v1/tenants/{tenant}/sources/{name}/keys',
      summary: 'Make a key more',
      description: 'The others stay as they are. This answer shows the key, and nothing ever again.',
      params: NAMED,
      body: { schema: KEY_BODY, optional: true },
      answer: MADE_ONE,
      examples: [
        {
          name: 'second',
          summary: 'A key for another team',
          body: { reason: 'for the app' },
          answer: { ...MADE, keys: [SECOND, FIRST], change: 'source-key-made', number: 5, key: KEY },
        },
      ],
    },
    ({ sources }: SourceServices, call) => sources.makeKey(requestOf(call)),
  ),
  route(
    {
      ...OF_SOURCES,
      ...BODY,
      id: 'rotateSourceKeys',
      method: 'POST',
      path: '/v1/tenants/{tenant}/sources/{name}/keys/rotate',
      summary: 'Rotate the keys of a source',
      description: 'It gets a new key, which this answer shows. All others end when the overlap is over.',
      params: NAMED,
      body: { schema: KEY_ROTATION_BODY, optional: true },
      answer: { ...CHANGED, description: 'The source, and its new key.' },
      examples: [
        {
          name: 'two-days',
          summary: 'The old key is valid for two days',
          body: { overlapSeconds: 172_800, reason: 'rotated each year' },
          answer: {
            ...MADE,
            keys: [SECOND, { ...FIRST, validUntil: '2024-03-12T12:00:00.000Z' }],
            change: 'source-keys-rotated',
            number: 6,
            key: KEY,
          },
        },
      ],
    },
    ({ sources }: SourceServices, call) => {
      const overlapMs = call.body.overlapSeconds * 1_000;
      return sources.rotate({ ...requestOf(call), overlapMs });
    },
  ),
  route(
    {
      ...OF_SOURCES,
      id: 'revokeSourceKey',
      method: 'DELETE',
      path: '/v1/tenants/{tenant}/sources/{name}/keys/{id}',
      summary: 'Revoke a key',
      description:
        'At once here, within a second in other processes, and for good. The source stays, without a key if it was the last.',
      params: { ...NAMED, id: KEY_ID },
      query: REASON_QUERY,
      answer: { ...CHANGED, description: 'What is left of it.' },
      errors: ERRORS,
      examples: [
        {
          name: 'last',
          summary: 'The only key',
          query: { reason: 'it was in a log' },
          answer: { ...MADE, keys: [], change: 'source-key-revoked', number: 7 },
        },
      ],
    },
    ({ sources }: SourceServices, call) => {
      const { id } = call.params;
      if (!/^[1-9][0-9]{0,15}$/.test(id)) throw new HeadgateError('NOT_FOUND', 'No key has this id.');
      return sources.revoke({ ...requestOf(call), id: Number(id) });
    },
  ),
];

/** Which source a call is about, and who calls. */
function requestOf(
  call: Parameters<typeof authorOf>[0] & { readonly params: { readonly name: string } },
): Parameters<SourceChanges['delete']>[0] {
  const { name } = call.params;
  if (!new RegExp(`^${NAME}$`).test(name)) throw new HeadgateError('NOT_FOUND', 'No source has this name.');
  return { tenant: call.tenant, name, author: authorOf(call) };
}

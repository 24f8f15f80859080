import assert from 'node:assert/strict';
import type { EventHistory } from '../../src/event-history/event-history.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createAuthenticator, type AuthenticatorOptions } from '../../src/api/authenticate.js';
import { Acts } from '../../src/api/acts.js';
import { AuditLog } from '../../src/audit-log/audit-log.js';
import type { Entry } from '../../src/audit-log/entry.js';
import { auditLogPlaces } from '../../src/audit-log/files.js';
import { readEntries } from '../../src/audit-log/read.js';
import { createAuditLogReader } from '../../src/audit-log/reader.js';
import type { ReadinessCheck } from '../../src/api/routes/health.js';
import type { ReaderPace } from '../../src/api/reader-pace.js';
import type { BodyPace } from '../../src/api/read-body.js';
import type { UnknownBodies } from '../../src/api/unknown-bodies.js';
import type { WriteKeys } from '../../src/sources/write-keys.js';
import { createApi, listen, type ApiDependencies, type ConnectionLimits } from '../../src/api/server.js';
import type { BatchReceipt, Receipts } from '../../src/receipts/receipts.js';
import type { Replays } from '../../src/replays/replays.js';
import type { SourcesInForce } from '../../src/api/sources/source-guard.js';
import type { IngestAnswer } from '../../src/api/schemas/events.js';
import type { SubscriptionServices } from '../../src/api/routes/subscriptions.js';
import type { AckMode } from '../../src/config.js';
import type { DeadLetters } from '../../src/dead-letters/dead-letters.js';
import type { EventSchemas } from '../../src/event-schemas/event-schemas.js';
import { HeadgateError } from '../../src/errors.js';
import type { DecisionRow, EventRow, InputStream } from '../../src/events/event.js';
import type { AdmissionLimits, AdmissionOptions } from '../../src/ingest/admission/admission.js';
import type { Turns } from '../../src/platform/event-loop-turns.js';
import type { Plan } from '../../src/ingest/partition.js';
import { openKeySet, signToken, type TokenClaims } from '../../src/keys/key-set.js';
import { Activity } from '../../src/status/activity.js';
import { Status } from '../../src/status/status.js';
import type { TenantConfig } from '../../src/tenants/config/tenant-config.js';
import type { Metrics } from '../../src/observability/metrics.js';
import { DAY_MS } from '../../src/platform/time.js';
import { createLogger } from '../../src/platform/logger.js';
import { createPull, type Pull } from '../../src/pull/pull.js';
import { usageReport } from '../../src/usage/report.js';
import { openIngress, type Ingress, type IngressOptions } from './ingress.js';
import { assertDocumented } from './documented.js';
import { linesOf } from './events.js';

/** What a {@link startTestApi} may have otherwise than by default. */
export interface TestApiOptions extends Pick<AuthenticatorOptions, 'revocations' | 'onTenantStatusChange'> {
  /** How often the file of keys is looked at. Default 2 s. */
  readonly keysEveryMs?: number;
  /** Configured tenants. Default `UA` and `DL`, both active. */
  readonly tenants?: Readonly<Record<string, 'active' | 'suspended'>>;
  readonly limits?: Partial<AdmissionLimits>;
  readonly ack?: AckMode;
  /** Checks of `/readyz` besides the spool's and admission's. */
  readonly readiness?: readonly ReadinessCheck[];
  readonly freeDiskBytes?: () => number;
  readonly maxSpoolBytes?: number;
  readonly admission?: Partial<AdmissionOptions>;
  readonly connections?: Partial<ConnectionLimits>;
  readonly bodyPace?: BodyPace;
  readonly exportPace?: ReaderPace;
  /** Default: as many as a test likes. */
  readonly refusedTokensPerMinute?: number;
  readonly metrics?: Metrics;
  /** Default: all tenants have those of `rulesOf`. */
  readonly rulesOf?: IngressOptions['rulesOf'];
  /** Default: no tenant has schemas. */
  readonly schemasOf?: (tenant: string) => EventSchemas | undefined;
  /** Default: no tenant has sources. */
  readonly sources?: SourcesInForce;
  /** Default: knows none, and remembers where it was told to look. */
  readonly receipts?: Receipts;
  /** Default: knows none, and remembers where it was told to look. */
  readonly eventHistory?: EventHistory;
  /** Default: knows none, and remembers where it was told to look. */
  readonly deadLetters?: DeadLetters;
  /** Default: nobody has any. */
  readonly subscriptions?: SubscriptionServices['subscriptions'];
  /** Default: one that knows no subscription, and so asks Temporal for nothing. */
  readonly pull?: Pull;
  /** Default: a request is a chunk. */
  readonly turns?: Turns;
  /** Default: there are none. */
  readonly writeKeys?: WriteKeys;
  /** Default: by its own defaults. */
  readonly unknownBodies?: UnknownBodies;
}

/** An answer as a test wants it: status, headers, and the JSON it holds. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: IngestAnswer & {
    readonly code?: string;
    readonly detail?: string;
    readonly type?: string;
    readonly status?: number;
  };
}

/** What can be sent. */
export type RequestBody = string | Uint8Array;

/** What is sent beside a body. */
interface TestRequest {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `null` sends none. */
  readonly token?: string | null;
}

/** The whole API, listening: everything is real but Temporal, in whose place batches are read and remembered. */
export interface TestApi {
  readonly url: string;
  /** The file of keys that its tokens are verified with. */
  readonly keysPath: string;
  readonly ingress: Ingress;
  /** What the log says went wrong inside; a test of bad input must find none. */
  readonly faults: string[];
  /** `tenant/batchId` of every receipt asked for. */
  readonly receiptsAsked: string[];
  /** `tenant/id` of every dead letter and redrive asked for, where none are given. */
  readonly deadLettersAsked: string[];
  /** Signs a token for tenant UA with every scope but admin, or as the claims say. */
  token(claims?: Partial<TokenClaims>): Promise<string>;
  post(body: RequestBody | undefined, request?: TestRequest): Promise<TestAnswer>;
  get(path: string, token?: string | null): Promise<TestAnswer>;
  readonly dir: string;
  /** What is in the audit log once all that was counted is in it. */
  audited(): Promise<readonly Entry[]>;
  /** The events that have come out of the spool in batches, in order. */
  events(tenant?: string, stream?: InputStream): EventRow[];
  /** The decisions that have come out beside them, in order. */
  decisions(tenant?: string): DecisionRow[];
  /** Waits until every acknowledged event has come out. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** The scopes a test's token has unless it says otherwise. */
export const ALL_SCOPES =
  'events:write user-properties:write events:read decisions:read batches:read dead-letters:read dead-letters:write subscriptions:pull replays:read replays:write usage:read audit-log:read';

/** Issuer and audience of test tokens. */
export const ISSUED = { issuer: 'headgate', audience: 'headgate' } as const;

/** Starts an API on a free port with its own data directory. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const dir = mkdtempSync(join(tmpdir(), 'headgate-api-'));
  const tenants: Readonly<Record<string, 'active' | 'suspended'>> = options.tenants ?? {
    UA: 'active',
    DL: 'active',
  };
  const taken: { plan: Plan; rows: EventRow[]; decisions: DecisionRow[] }[] = [];
  const ingress = await openIngress(dir, {
    ...options,
    onBatch: (plan, records) => {
      const rows = records.flatMap(({ events }) => linesOf<EventRow>(events));
      const decisions = records.flatMap((record) => linesOf<DecisionRow>(record.decisions));
      taken.push({ plan, rows, decisions });
    },
  });
  const faults: string[] = [];
  const receiptsAsked: string[] = [];
  const deadLettersAsked: string[] = [];
  const log = createLogger('error', { destination: { write: (line) => void faults.push(line) } });
  const places = auditLogPlaces(dir);
  const auditLog = new AuditLog({ places, keepMs: DAY_MS, log });
  const acts = new Acts(auditLog);
  const keys = await openKeySet({ dataDir: dir, everyMs: options.keysEveryMs });
  const api = await listen(
    createApi({
      authenticate: createAuthenticator({
        keys,
        ...ISSUED,
        revocations: options.revocations,
        onTenantStatusChange: options.onTenantStatusChange,
        tenantStatusOf: (tenant) =>
          Object.hasOwn(tenants, tenant) ? (tenants[tenant] ?? 'unknown') : 'unknown',
      }),
      writeKeys: options.writeKeys,
      unknownBodies: options.unknownBodies,
      admission: ingress.admission,
      ingest: ingress.ingest,
      bodyPace: options.bodyPace,
      exportPace: options.exportPace,
      refusedTokensPerMinute: options.refusedTokensPerMinute ?? 1e9,
      metrics: options.metrics,
      schemasOf: options.schemasOf,
      decider: ingress.decider,
      receipts: options.receipts ?? rememberingReceipts(receiptsAsked),
      eventHistory: options.eventHistory ?? rememberingHistory(receiptsAsked),
      replays: rememberingReplays(receiptsAsked),
      deadLetters: options.deadLetters ?? rememberingDeadLetters(deadLettersAsked),
      webhookSources: options.sources ?? { find: () => undefined, secretOf: () => undefined },
      subscriptions: options.subscriptions ?? noSubscriptions(),
      usage: noUsage(),
      tenants: noTenants(),
      status: knownStatus(Object.keys(tenants)),
      activity: noActivity(Object.keys(tenants)),
      pull: options.pull ?? pullNothing(),
      auditLog: { acts, reader: createAuditLogReader(places) },
      readiness: [
        { name: 'spool', check: () => ingress.spool.checkWritable() },
        { name: 'door', check: () => ingress.admission.assertOpen() },
        ...(options.readiness ?? []),
      ],
      log,
    }),
    '127.0.0.1',
    0,
    options.connections,
  );
  const token = (claims: Partial<TokenClaims> = {}): Promise<string> =>
    signToken(dir, { tenant: 'UA', scope: ALL_SCOPES, ...ISSUED, expiresInSeconds: 600, ...claims });
  const usual = await token();
  const ask = async (path: string, init: RequestInit, bearer: string | null = usual): Promise<TestAnswer> => {
    const headers = new Headers(init.headers);
    if (bearer !== null) headers.set('authorization', `Bearer ${bearer}`);
    const response = await fetch(`${api.url}${path}`, { ...init, headers });
    const text = await response.text();
    assertDocumented({
      method: init.method ?? 'GET',
      path,
      status: response.status,
      contentType: response.headers.get('content-type'),
      text,
    });
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    const body = (isJson && text !== '' ? JSON.parse(text) : {}) as TestAnswer['body'];
    return { status: response.status, headers: response.headers, body };
  };

  return {
    url: api.url,
    keysPath: join(dir, 'keys', 'development.jwks.json'),
    ingress,
    faults,
    receiptsAsked,
    deadLettersAsked,
    token,
    post: (body, { path = '/v1/events', method = 'POST', headers = {}, token: bearer } = {}) =>
      ask(path, { method, body, headers: { 'content-type': 'application/json', ...headers } }, bearer),
    get: (path, bearer) => ask(path, {}, bearer),
    dir,
    audited: async () => {
      acts.tell();
      await auditLog.flush();
      return (await readEntries(places, {}, { maxEntries: 1e6, maxBytes: 1e9 })).entries;
    },
    events: (tenant = 'UA', stream = 'events') =>
      taken
        .filter(({ plan }) => plan.tenant === tenant && plan.stream === stream)
        .flatMap(({ rows }) => rows),
    decisions: (tenant = 'UA') =>
      taken.filter(({ plan }) => plan.tenant === tenant).flatMap(({ decisions }) => decisions),
    drained: () => ingress.drained(),
    close: async () => {
      await api.close();
      acts.close();
      await auditLog.close();
      keys.close();
      await ingress.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/**
 * One API for the suite it is called in, which must not have logged an error by the end.
 * Returns how to get at it, from the hooks on that stand below the call.
 */
export function useTestApi(options?: TestApiOptions): () => TestApi {
  let api: TestApi | undefined;
  before(async () => {
    api = await startTestApi(options);
  });
  after(async () => {
    await api?.close();
    assert.deepEqual(api?.faults, []);
  });
  return () => api as TestApi;
}

/** Nothing was counted of anybody. */
function noUsage(): NonNullable<ApiDependencies['usage']> {
  return {
    report: async ({ tenant = '', reaches }, query) =>
      usageReport({ of: () => [] }, [tenant].filter(reaches), query, Date.now()),
  };
}

/** Nobody has a file. */
function noTenants(): NonNullable<ApiDependencies['tenants']> {
  const none = (): Promise<never> => Promise.reject(new HeadgateError('NOT_FOUND', 'There is no tenant.'));
  return {
    ids: () => Promise.resolve([]),
    loadedOf: () => undefined,
    show: none,
    history: none,
    put: none,
    remove: none,
    changeSubscription: none,
    secrets: { list: none, make: none, rotate: none, revoke: none },
    sources: {
      list: none,
      create: none,
      replace: none,
      delete: none,
      makeKey: none,
      rotate: none,
      revoke: none,
    },
  };
}

function noSubscriptions(): SubscriptionServices['subscriptions'] {
  const none = (): Promise<never> =>
    Promise.reject(new HeadgateError('NOT_FOUND', 'There is no such subscription.'));
  return {
    control: { change: none },
    overviews: { asking: (ask) => ask(), list: () => Promise.resolve([]), show: none },
    sendTestEvent: none,
  };
}

/** All is well, of tenants without subscriptions: nothing is asked of Temporal. */
function knownStatus(tenants: readonly string[]): Status {
  return new Status({
    lags: { reading: () => Promise.resolve({ at: Date.now(), lags: [] }) },
    tenants: () => tenants.map((tenant) => ({ tenant }) as TenantConfig),
    engine: () => ({ reachableSince: 0 }),
    assertOpen: () => undefined,
    node: () => ({ spool: { bytes: 0, limitBytes: 1, oldestSeconds: 0 }, disks: [], diskReserveBytes: 0 }),
    backlogOf: () => ({ bytes: 0 }),
  });
}

/** Nothing goes on. */
function noActivity(tenants: readonly string[]): Activity {
  return new Activity({
    tenants: () => tenants,
    counted: () => [],
    onCounted: () => () => undefined,
    lags: { reading: () => Promise.resolve({ at: Date.now(), lags: [] }) },
    oldestOf: () => undefined,
  });
}

function pullNothing(): Pull {
  const client = new Client({ connection: Connection.lazy() });
  const batchStore = { read: () => Promise.reject(new Error('there is no batch')) };
  const log = createLogger('silent');
  return createPull({ client, namespace: 'none', batchStore, configOf: () => undefined, log });
}

/** Knows no batch, and remembers where it was told to look. */
function rememberingReceipts(asked: string[]): Receipts {
  return {
    receiptOf: (tenant, batchId): Promise<BatchReceipt> => {
      asked.push(`${tenant}/${batchId}`);
      return Promise.reject(new HeadgateError('NOT_FOUND', 'No batch has this id.'));
    },
  };
}

/** Finds no event, and remembers where it was told to look. */
function rememberingHistory(asked: string[]): EventHistory {
  const none = (tenant: string, what: string): Promise<never> => {
    asked.push(`${tenant}/${what}`);
    return Promise.reject(new HeadgateError('EVENT_NOT_FOUND', 'No event has this id.'));
  };
  return { find: (tenant, { id }) => none(tenant, id), list: (tenant, { subject }) => none(tenant, subject) };
}

/** Has no replays, and remembers where it was told to look; to list them it would need Temporal. */
function rememberingReplays(asked: string[]): Replays {
  const noted = (tenant: string, id: string, error: HeadgateError): Promise<never> => {
    asked.push(`${tenant}/${id}`);
    return Promise.reject(error);
  };
  const none = (tenant: string, id: string): Promise<never> =>
    noted(tenant, id, new HeadgateError('NOT_FOUND', 'No replay has this id.'));
  return {
    start: (tenant) => noted(tenant, 'new', noTemporal()),
    list: (tenant) => noted(tenant, 'all', noTemporal()),
    reach: (tenant) => noted(tenant, 'reach', noTemporal()),
    show: none,
    cancel: none,
  };
}

/** Knows no dead letter, and remembers where it was told to look; to list them it would need Temporal. */
function rememberingDeadLetters(asked: string[]): DeadLetters {
  const noted = (tenant: string, id: string, error: HeadgateError): Promise<never> => {
    asked.push(`${tenant}/${id}`);
    return Promise.reject(error);
  };
  const none = (tenant: string, id: string): Promise<never> =>
    noted(tenant, id, new HeadgateError('NOT_FOUND', 'There is none of this id.'));
  return {
    list: (tenant) => noted(tenant, '', noTemporal()),
    show: none,
    resolve: none,
    export: async function* (tenant) {
      yield await noted(tenant, '', noTemporal());
    },
    redrives: { start: (tenant) => noted(tenant, '', noTemporal()), show: none, cancel: none },
  };
}

function noTemporal(): HeadgateError {
  return new HeadgateError('ENGINE_UNAVAILABLE', 'This test has no Temporal.', { retryable: true });
}

/** A CloudEvent that is taken as it is, with an id of its own. */
export function cloudEvent(
  id: string,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { specversion: '1.0', id, source: '/test', type: 'thing.happened', subject: 's1', ...more };
}

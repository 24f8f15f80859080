import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { GoogleAuth, Impersonated, OAuth2Client, type AuthClient } from 'google-auth-library';
import { LRUCache } from 'lru-cache';
import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { restEndpoint } from './endpoints.js';
import { answerOf, credentialsError, isOutage } from './errors.js';
import { HeadgateError } from '../../../errors.js';
import { PIECE_BYTES, PIECE_TIMEOUT_MS, uploadInPieces } from './upload.js';

const SCOPES = ['https://www.googleapis.com/auth/bigquery', 'https://www.googleapis.com/auth/cloud-platform'];
const REQUEST_TIMEOUT_MS = 30_000;
/** Most accounts that a process acts as at once; beyond it tokens are got again. */
const MAX_CLIENTS = 200;

/** A request to BigQuery's REST API. */
interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** What follows `/bigquery/v2/projects/<project>/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/**
 * BigQuery's REST API with the credentials of a tenant. Errors are Google's, to be sorted by who has asked; nothing is tried
 * again here, since that is left to Temporal.
 */
export interface BigQueryApi {
  request<T>(request: ApiRequest): Promise<T>;
  /** Inserts a job with the file that it is to load: in one request, or a large file in pieces, see {@link uploadInPieces}. */
  upload<T>(job: unknown, path: string, signal?: AbortSignal): Promise<T>;
  /**
   * Asks for a token.
   * @throws HeadgateError `WAREHOUSE_REFUSED` (says what to do)
   */
  authenticate(): Promise<void>;
  /**
   * What proves who we are, for another API of Google; with a token that has just been looked at.
   * @throws HeadgateError `WAREHOUSE_REFUSED` (says what to do)
   */
  credentials(): Promise<AuthClient>;
}

/** The API for a tenant's project, account and endpoint. */
export type ApiOf = (config: BigQueryConfig) => BigQueryApi;

/**
 * One client per project, account and endpoint, made when it is first needed.
 * @param emulator its URL; requests to it carry no credentials. Default: Google's own endpoints.
 */
export function createApis(emulator?: string): ApiOf {
  const apis = new LRUCache<string, BigQueryApi>({ max: MAX_CLIENTS });
  return (config) => {
    const key = JSON.stringify([config.project, config.impersonate, restEndpoint(config)]);
    const api = apis.get(key) ?? createApi(config, emulator);
    apis.set(key, api);
    return api;
  };
}

/**
 * Google's client is asked by its `request`, which says which job it is about and carries labels where its uploads do not. It
 * gets its credentials from here: where it finds none itself, its uploads end the process.
 */
function createApi(config: BigQueryConfig, emulator?: string): BigQueryApi {
  let found: Promise<Connected> | undefined;

  /** Credentials that were missing may be there at the next load. */
  async function connected(): Promise<Connected> {
    found ??= connect(config, emulator);
    try {
      return await found;
    } catch (error) {
      found = undefined;
      throw credentialsError(error, config);
    }
  }

  /** A token that Google does not give, as opposed to a Google that does not answer. */
  async function authenticated(): Promise<Connected> {
    const { auth, bigQuery } = await connected();
    try {
      await auth.getRequestHeaders(bigQuery.apiEndpoint);
      return { auth, bigQuery };
    } catch (error) {
      if (isOutage(error)) throw error;
      found = undefined;
      throw credentialsError(error, config);
    }
  }

  return {
    request: async <T>({ method = 'GET', path, query: qs = {}, body, signal }: ApiRequest): Promise<T> => {
      const { bigQuery } = await authenticated();
      const json = body === undefined ? {} : { json: body };
      return answered<T>(bigQuery, { method, uri: path, qs, ...json, timeout: REQUEST_TIMEOUT_MS }, signal);
    },
    upload: async <T>(job: unknown, path: string, signal?: AbortSignal): Promise<T> => {
      const { auth, bigQuery } = await authenticated();
      const url = `${bigQuery.apiEndpoint}/upload/bigquery/v2/projects/${config.project}/jobs`;
      if ((await stat(path)).size > PIECE_BYTES)
        return uploadInPieces<T>({ auth, url, metadata: job, path, signal });
      return uploadAtOnce<T>(bigQuery, { url, job, path, signal });
    },
    authenticate: async () => {
      await authenticated();
    },
    credentials: async () => {
      return (await authenticated()).auth;
    },
  };
}

interface Connected {
  readonly auth: AuthClient;
  readonly bigQuery: BigQuery;
}

async function connect(config: BigQueryConfig, emulator?: string): Promise<Connected> {
  const auth = emulator === undefined ? await findCredentials(config) : withoutCredentials();
  const bigQuery = new BigQuery({
    projectId: config.project,
    apiEndpoint: emulator ?? restEndpoint(config),
    authClient: auth,
    retryOptions: { autoRetry: false },
  });
  return { auth, bigQuery };
}

interface SmallUpload {
  readonly url: string;
  readonly job: unknown;
  readonly path: string;
  readonly signal?: AbortSignal;
}

async function uploadAtOnce<T>(bigQuery: BigQuery, { url: uri, job, path, signal }: SmallUpload): Promise<T> {
  const file = createReadStream(path);
  const stop = (): void => void file.destroy(new Error('the upload is called off'));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const multipart = [
      { 'Content-Type': 'application/json', body: JSON.stringify(job) },
      { 'Content-Type': 'application/octet-stream', body: file },
    ];
    const request = { method: 'POST', uri, qs: { uploadType: 'multipart' }, multipart } as const;
    return await answered<T>(bigQuery, { ...request, timeout: PIECE_TIMEOUT_MS }, signal);
  } finally {
    signal?.removeEventListener('abort', stop);
    file.destroy();
  }
}

/** A request that is called off is not waited for any more; what comes of it, the retry finds. */
function answered<T>(
  bigQuery: BigQuery,
  request: Parameters<BigQuery['request']>[0],
  signal?: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    signal?.throwIfAborted();
    const giveUp = (): void => reject(signal?.reason as Error);
    signal?.addEventListener('abort', giveUp, { once: true });
    bigQuery.request({ ...request, maxRetries: 0 }, (error: Error | null, body?: unknown) => {
      signal?.removeEventListener('abort', giveUp);
      if (error) reject(error);
      else resolve(body as T);
    });
  });
}

/** Application Default Credentials, and what they may act as. */
async function findCredentials({ impersonate }: BigQueryConfig): Promise<AuthClient> {
  const own = await new GoogleAuth({ scopes: SCOPES }).getClient();
  if (impersonate === undefined) return own;
  return new Impersonated({
    sourceClient: own,
    targetPrincipal: impersonate,
    targetScopes: [...SCOPES],
    lifetime: 3600,
  });
}

function withoutCredentials(): AuthClient {
  const client = new OAuth2Client();
  client.setCredentials({ access_token: 'emulator', expiry_date: Number.MAX_SAFE_INTEGER });
  return client;
}

/** True when the error says that what was asked for is not there. */
export function isNotFound(error: unknown): boolean {
  return !(error instanceof HeadgateError) && answerOf(error).status === 404;
}

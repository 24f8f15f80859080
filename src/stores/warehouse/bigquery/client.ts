import { createReadStream } from 'node:fs';
import { GoogleAuth, Impersonated, OAuth2Client, type AuthClient } from 'google-auth-library';
import { LRUCache } from 'lru-cache';
import type { BigQueryConfig } from '../../../tenant-config/warehouse-config.js';
import { answerOf, credentialsError, isOutage } from './errors.js';
import { HeadgateError } from '../../../errors.js';

const GOOGLE = 'https://bigquery.googleapis.com';
const SCOPES = ['https://www.googleapis.com/auth/bigquery', 'https://www.googleapis.com/auth/cloud-platform'];
const REQUEST_TIMEOUT_MS = 30_000;
/** Most accounts that a process acts as at once; beyond it tokens are got again. */
const MAX_CLIENTS = 200;

/** A request to BigQuery's REST API. */
export interface ApiRequest {
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
  /** Inserts a job with the file that it is to load, in one request. */
  upload<T>(job: unknown, path: string, signal?: AbortSignal): Promise<T>;
  /**
   * Asks for a token.
   * @throws HeadgateError `WAREHOUSE_REFUSED` (says what to do)
   */
  authenticate(): Promise<void>;
}

/** The API for a tenant's project and account. */
export type ApiOf = (config: BigQueryConfig) => BigQueryApi;

/**
 * One client per project and account, made when it is first needed. Google's own `@google-cloud/bigquery` is not used: without
 * credentials it ends the process, it cannot be interrupted, and its uploads carry no labels. What is hard is the
 * credentials, and those are left to Google's library.
 * @param endpoint of an emulator; requests to it carry no credentials. Default: Google's.
 */
export function createApis(endpoint?: string): ApiOf {
  const apis = new LRUCache<string, BigQueryApi>({ max: MAX_CLIENTS });
  return (config) => {
    const key = JSON.stringify([config.project, config.impersonate]);
    const api = apis.get(key) ?? createApi(config, endpoint);
    apis.set(key, api);
    return api;
  };
}

function createApi(config: BigQueryConfig, endpoint?: string): BigQueryApi {
  const base = endpoint ?? GOOGLE;
  const project = encodeURIComponent(config.project);
  let client: Promise<AuthClient> | undefined;

  /** Credentials that were missing may be there at the next load. */
  async function authClient(): Promise<AuthClient> {
    client ??= endpoint === undefined ? findCredentials(config) : Promise.resolve(withoutCredentials());
    try {
      return await client;
    } catch (error) {
      client = undefined;
      throw credentialsError(error, config);
    }
  }

  /** A token that Google does not give, as opposed to a Google that does not answer. */
  async function headersFor(url: string): Promise<Headers> {
    const auth = await authClient();
    try {
      return await auth.getRequestHeaders(url);
    } catch (error) {
      if (isOutage(error)) throw error;
      client = undefined;
      throw credentialsError(error, config);
    }
  }

  return {
    request: async <T>({ method = 'GET', path, query = {}, body, signal }: ApiRequest): Promise<T> => {
      const url = `${base}/bigquery/v2/projects/${project}/${path}${queryOf(query)}`;
      const headers = await headersFor(url);
      const { transporter } = await authClient();
      const options = { url, method, headers, signal, timeout: REQUEST_TIMEOUT_MS, retry: false };
      return (await transporter.request<T>({ ...options, ...(body !== undefined && { data: body }) })).data;
    },
    upload: async <T>(job: unknown, path: string, signal?: AbortSignal): Promise<T> => {
      const url = `${base}/upload/bigquery/v2/projects/${project}/jobs?uploadType=multipart`;
      const headers = await headersFor(url);
      const { transporter } = await authClient();
      const file = createReadStream(path);
      try {
        const multipart = [
          { headers: new Headers({ 'content-type': 'application/json' }), content: JSON.stringify(job) },
          { headers: new Headers({ 'content-type': 'application/octet-stream' }), content: file },
        ];
        // How long it takes depends on the file; who loads has a limit of its own.
        return (
          await transporter.request<T>({ url, method: 'POST', headers, multipart, signal, retry: false })
        ).data;
      } finally {
        file.destroy();
      }
    },
    authenticate: async () => {
      await headersFor(base);
    },
  };
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

function queryOf(query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? '' : `?${text}`;
}

/** True when the error says that what was asked for is not there. */
export function isNotFound(error: unknown): boolean {
  return !(error instanceof HeadgateError) && answerOf(error).status === 404;
}

import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { EnvReader, type AddressRange, type Env, type VariableForm } from './platform/env-reader.js';
import type { VariableName } from './reference/variables.js';
import { HeadgateError, systemCodeOf } from './errors.js';
import type { FaultPoint } from './platform/fault-point.js';
import { SAMPLERS, type TracingSettings } from './tracing/settings.js';
import { parseMasterKey, type MasterKeys } from './stores/batch-keys/master-key.js';
import type { GcsPlace } from './stores/gcs/place.js';
import { parsePostgresUrl, type PostgresPlace } from './stores/state/postgres-place.js';
import type { LogFormat, LogLevel } from './platform/logger.js';
import { nearest } from './platform/nearest.js';
import {
  SECRET_PREFIX,
  notOwned,
  ownsVariable,
  storedNameOf,
  variableOf,
} from './tenants/config/secret-reference.js';
import { parseAllowedQueue, type AllowedQueue } from './tenants/config/workflow-queue.js';

/** When a producer gets its 202: after the spool's flush to disk, or once Temporal has the batch. */
export type AckMode = 'spool' | 'started';

const LOG_FORMATS: readonly LogFormat[] = ['json', 'pretty'];
const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/**
 * Everything that can be set from outside, read once at the start of a process and frozen. What a variable does, and what
 * holds without it, is said in `reference/variables.ts`; its form and default where it is read.
 */
export interface Config {
  /** `HEADGATE_DATA_DIR`, as an absolute path. */
  readonly dataDir: string;
  /** `HEADGATE_BATCHES`, at `HEADGATE_GCS_ENDPOINT`. */
  readonly batches?: GcsPlace;
  /** `HEADGATE_BATCH_KEY` and `HEADGATE_BATCH_KEY_PREVIOUS`. */
  readonly batchKeys: MasterKeys;
  /** `HEADGATE_STATE`, with `PGPASSWORD`. */
  readonly state?: PostgresPlace;
  /** `HEADGATE_BIGQUERY_ENDPOINT`. */
  readonly bigQueryEndpoint?: string;
  /** `HEADGATE_BIGQUERY_STORAGE_ENDPOINT`. */
  readonly bigQueryStorageEndpoint?: string;
  /** `HEADGATE_CACHE_DIR`. */
  readonly cacheDir: string;
  /** `HEADGATE_HOST`. */
  readonly host: string;
  /** `HEADGATE_PORT`. */
  readonly port: number;
  /** A socket that listens already, which systemd has opened (`LISTEN_FDS`); then host and port are its own. */
  readonly listeningSocket?: number;
  /** `HEADGATE_ACK`. */
  readonly ack: AckMode;
  /** `HEADGATE_JWKS`. */
  readonly jwks?: string;
  /** `HEADGATE_DEVELOPMENT_KEY`. */
  readonly developmentKey: 'loopback' | 'anywhere';
  /** `HEADGATE_TOKEN_TYP`. */
  readonly tokenType?: string;
  /** `HEADGATE_TOKEN_MAX_LIFETIME`. */
  readonly tokenMaxLifetimeMs?: number;
  /** `HEADGATE_REVOCATIONS`. */
  readonly revocations?: string;
  /** `HEADGATE_JWT_ISSUER`. */
  readonly jwtIssuer: string;
  /** `HEADGATE_JWT_AUDIENCE`. */
  readonly jwtAudience: string;
  /** `HEADGATE_TOKEN`. */
  readonly token?: string;
  /** `HEADGATE_LOG_LEVEL`. */
  readonly logLevel: LogLevel;
  /** `HEADGATE_LOG_FORMAT`. */
  readonly logFormat?: LogFormat;
  /** `HEADGATE_MAX_SPOOL`. */
  readonly maxSpoolBytes: number;
  /** `HEADGATE_MAX_BACKLOG_AGE_SECONDS`. */
  readonly maxBacklogAgeSeconds: number;
  /** `HEADGATE_MAX_IN_FLIGHT`. */
  readonly maxInFlightBytes: number;
  /** `HEADGATE_MAX_CONNECTIONS`. */
  readonly maxConnections: number;
  /** `HEADGATE_MIN_FREE_DISK`. */
  readonly minFreeDiskBytes: number;
  /** `HEADGATE_LOADS_PER_SECOND`. */
  readonly loadsPerSecond: number;
  /** `HEADGATE_COMPACTION`. */
  readonly compaction: 'on' | 'off';
  /** `HEADGATE_PRICES`, a path. */
  readonly prices?: string;
  /** `HEADGATE_USAGE_DAYS`. */
  readonly usageDays: number;
  /** `HEADGATE_PUSH_ALLOW`. */
  readonly pushAllow: readonly AddressRange[];
  /** `HEADGATE_WORKFLOW_QUEUES`. */
  readonly workflowQueues: readonly AllowedQueue[];
  /** `HEADGATE_MAX_CLOCK_DIFFERENCE_SECONDS`. */
  readonly maxClockDifferenceSeconds: number;
  /** `HEADGATE_METRICS`. */
  readonly metrics: 'on' | 'off';
  /** `HEADGATE_AUDIT_LOG_DAYS`. */
  readonly auditLogDays: number;
  /** `HEADGATE_METRICS_TENANTS`. */
  readonly metricsTenants: number;
  /** `HEADGATE_METRICS_PORT`. */
  readonly metricsPort?: number;
  /** `OTEL_*`; absent where nothing is traced. */
  readonly tracing?: TracingSettings;
  /** `HEADGATE_SHUTDOWN_GRACE_SECONDS`. */
  readonly shutdownGraceSeconds: number;
  /** `TEMPORAL_ADDRESS`. */
  readonly temporalAddress?: string;
  /** `HEADGATE_EMBEDDED_TEMPORAL`. */
  readonly embeddedTemporal: 'on' | 'off';
  /** `TEMPORAL_NAMESPACE`. */
  readonly temporalNamespace: string;
  /** `TEMPORAL_UI_URL`. */
  readonly temporalUiUrl?: string;
  /** `HEADGATE_TEMPORAL_CLI`. */
  readonly temporalCli?: string;
  /** `HEADGATE_TEMPORAL_PORT`. */
  readonly temporalPort: number;
  /** `HEADGATE_TEMPORAL_UI_PORT`. */
  readonly temporalUiPort: number;
  /** `HEADGATE_TEMPORAL_UI`. */
  readonly temporalUi: 'on' | 'off';
  /** `HEADGATE_FAULT`: a fault point, and how often it is passed before the process dies there. */
  readonly fault?: { readonly point: FaultPoint; readonly passes: number };
  /** `PATH`. */
  readonly path: string;
  /** `NO_COLOR` is unset: output may be coloured. */
  readonly color: boolean;
}

/**
 * Reads the configuration from the environment. The only place that does.
 * @throws HeadgateError `CONFIG_INVALID`, naming every variable that is wrong
 */
export function loadConfig(env: Env = process.env): Config {
  const reader = new SettingsReader(env);
  const config = readAll(reader);
  if (reader.problems.length > 0) throw new HeadgateError('CONFIG_INVALID', reader.problems.join('\n'));
  return Object.freeze(config);
}

/** The form and the default of each variable that {@link loadConfig} reads on this platform. */
export function variableForms(): ReadonlyMap<string, VariableForm> {
  const reader = new SettingsReader({});
  readAll(reader);
  return reader.variables;
}

/** A variable that looks like a setting and is none. */
export interface UnknownVariable {
  readonly variable: string;
  /** The setting that may be meant. */
  readonly nearest?: string;
}

/**
 * Variables that look like settings and are none, as one that is misspelt. What begins with `HEADGATE_SECRET_` is the tenants',
 * `HEADGATE_TEST_` the tests'.
 */
export function unknownVariables(env: Env = process.env): UnknownVariable[] {
  const reader = new SettingsReader(env);
  readAll(reader);
  const known = [...reader.variables.keys()];
  const others = [SECRET_PREFIX, 'HEADGATE_TEST_'];
  return Object.keys(env)
    .filter((name) => name.startsWith('HEADGATE_') && !reader.variables.has(name))
    .filter((name) => !others.some((prefix) => name.startsWith(prefix)))
    .map((name) => ({ variable: name, nearest: nearest(name, known) }));
}

/** Descriptors that are passed come after input, output and errors. */
const FIRST_PASSED = 3;
const MAX_PID = 2 ** 31 - 1;

/** Names that need no escape anywhere, and no part of a prefix that begins with a dot. */
const BUCKET = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/((?:[\w-][\w.=-]*\/)*[\w-][\w.=-]*))?\/?$/;

/** Reads the variables, too, whose form is that of one of Headgate's own stores or queues. */
class SettingsReader extends EnvReader {
  workflowQueues(name: VariableName): readonly AllowedQueue[] {
    const form = "tenants and queues such as UA:bookings,*:shared-*, and no queue of Headgate's own";
    const written = (this.read(name, form)?.split(',') ?? []).map((entry) => entry.trim());
    const parsed = written.map(parseAllowedQueue);
    const wrong = parsed.indexOf(undefined);
    if (wrong >= 0) this.refuse(name, written[wrong]);
    return parsed.flatMap((each) => each ?? []);
  }

  /**
   * The first socket that was passed to this very process. What it starts has the same variables, and not the socket.
   * @see https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
   */
  listeningSocket(): number | undefined {
    const sockets = this.integer('LISTEN_FDS', 0, 0, 1_000);
    const meant = this.optionalInteger('LISTEN_PID', 1, MAX_PID);
    return sockets > 0 && meant === process.pid ? FIRST_PASSED : undefined;
  }

  bucket(name: VariableName, endpointName: VariableName): GcsPlace | undefined {
    const value = this.read(name, 'gs://bucket or gs://bucket/prefix');
    const endpoint = this.endpoint(endpointName);
    if (value === undefined) return undefined;
    const [, bucket, prefix = ''] = BUCKET.exec(value) ?? [];
    if (bucket !== undefined) return { bucket, prefix, endpoint };
    this.refuse(name, value);
    return undefined;
  }

  /** Says nothing of the value: it is a secret, or what was meant to be one. */
  masterKey(name: VariableName): KeyObject | undefined {
    const form =
      '32 bytes in base64, as `openssl rand -base64 32` prints them, or file:PATH of a file that has them';
    const value = this.read(name, form);
    if (value === undefined) return undefined;
    try {
      const text = value.startsWith('file:') ? readFileSync(value.slice('file:'.length), 'utf8') : value;
      const key = parseMasterKey(text.trim());
      if (key !== undefined) return key;
      this.problems.push(`${name} must be ${form}.`);
    } catch (error) {
      const reason = systemCodeOf(error);
      if (reason === undefined) throw error;
      this.problems.push(`${name} must be file:PATH of a file that can be read (${reason}).`);
    }
    return undefined;
  }

  /** As OpenTelemetry names them. Where no receiver is named, nothing is traced. */
  tracing(): TracingSettings | undefined {
    const base = this.url('OTEL_EXPORTER_OTLP_ENDPOINT');
    const whole = this.url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
    this.oneOf('OTEL_EXPORTER_OTLP_PROTOCOL', ['http/protobuf'], 'http/protobuf');
    const exporter = this.oneOf('OTEL_TRACES_EXPORTER', ['otlp', 'none'], 'otlp');
    const disabled = this.oneOf('OTEL_SDK_DISABLED', ['true', 'false'], 'false');
    const settings = {
      serviceName: this.text('OTEL_SERVICE_NAME', 'headgate'),
      sampler: this.oneOf('OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_always_on'),
      ratio: this.ratio('OTEL_TRACES_SAMPLER_ARG', 1),
    };
    const url = whole ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
    if (url === undefined || exporter === 'none' || disabled === 'true') return undefined;
    return { url, ...settings };
  }

  postgres(name: VariableName, passwordName: VariableName): PostgresPlace | undefined {
    const value = this.read(name, 'a URL such as postgres://user@host:5432/database');
    const password = this.text(passwordName);
    if (value === undefined) return undefined;
    const place = parsePostgresUrl(value, password);
    if (!('problem' in place)) return place;
    // The value stays out of it: it may hold a password.
    this.problems.push(`${name} ${place.problem}.`);
    return undefined;
  }
}

/** Some thirty years. */
const MAX_SECONDS = 1_000_000_000;

function readAll(reader: SettingsReader): Config {
  return {
    dataDir: resolve(reader.text('HEADGATE_DATA_DIR', '.headgate')),
    batches: reader.bucket('HEADGATE_BATCHES', 'HEADGATE_GCS_ENDPOINT'),
    batchKeys: {
      current: reader.masterKey('HEADGATE_BATCH_KEY'),
      previous: reader.masterKey('HEADGATE_BATCH_KEY_PREVIOUS'),
    },
    state: reader.postgres('HEADGATE_STATE', 'PGPASSWORD'),
    bigQueryEndpoint: reader.endpoint('HEADGATE_BIGQUERY_ENDPOINT'),
    bigQueryStorageEndpoint: reader.address('HEADGATE_BIGQUERY_STORAGE_ENDPOINT'),
    cacheDir: resolve(reader.text('HEADGATE_CACHE_DIR') ?? join(userCacheDir(reader), 'headgate')),
    host: reader.text('HEADGATE_HOST', '127.0.0.1'),
    port: reader.integer('HEADGATE_PORT', 8080, 0, 65_535),
    listeningSocket: reader.listeningSocket(),
    ack: reader.oneOf('HEADGATE_ACK', ['spool', 'started'], 'spool'),
    jwks: reader.keySet('HEADGATE_JWKS'),
    developmentKey: reader.oneOf('HEADGATE_DEVELOPMENT_KEY', ['loopback', 'anywhere'], 'loopback'),
    tokenType: reader.text('HEADGATE_TOKEN_TYP'),
    tokenMaxLifetimeMs: reader.duration('HEADGATE_TOKEN_MAX_LIFETIME'),
    revocations: reader.text('HEADGATE_REVOCATIONS'),
    jwtIssuer: reader.text('HEADGATE_JWT_ISSUER', 'headgate'),
    jwtAudience: reader.text('HEADGATE_JWT_AUDIENCE', 'headgate'),
    token: reader.text('HEADGATE_TOKEN'),
    logLevel: reader.oneOf('HEADGATE_LOG_LEVEL', LOG_LEVELS, 'info'),
    logFormat: reader.oneOf('HEADGATE_LOG_FORMAT', LOG_FORMATS),
    maxSpoolBytes: reader.size('HEADGATE_MAX_SPOOL', 4 * 1024 ** 3),
    maxBacklogAgeSeconds: reader.integer('HEADGATE_MAX_BACKLOG_AGE_SECONDS', 600, 1, 604_800),
    maxInFlightBytes: reader.size('HEADGATE_MAX_IN_FLIGHT', 64 * 1024 ** 2),
    maxConnections: reader.integer('HEADGATE_MAX_CONNECTIONS', 10_000, 20, 1_000_000),
    minFreeDiskBytes: reader.size('HEADGATE_MIN_FREE_DISK', 512 * 1024 ** 2),
    loadsPerSecond: reader.integer('HEADGATE_LOADS_PER_SECOND', 4, 1, 1_000),
    compaction: reader.oneOf('HEADGATE_COMPACTION', ['on', 'off'], 'on'),
    prices: reader.text('HEADGATE_PRICES'),
    usageDays: reader.integer('HEADGATE_USAGE_DAYS', 400, 31, 1_000),
    pushAllow: reader.ranges('HEADGATE_PUSH_ALLOW'),
    workflowQueues: reader.workflowQueues('HEADGATE_WORKFLOW_QUEUES'),
    maxClockDifferenceSeconds: reader.integer('HEADGATE_MAX_CLOCK_DIFFERENCE_SECONDS', 60, 1, MAX_SECONDS),
    metrics: reader.oneOf('HEADGATE_METRICS', ['on', 'off'], 'on'),
    auditLogDays: reader.integer('HEADGATE_AUDIT_LOG_DAYS', 400, 1, 36_500),
    metricsTenants: reader.integer('HEADGATE_METRICS_TENANTS', 200, 0, 100_000),
    metricsPort: reader.optionalInteger('HEADGATE_METRICS_PORT', 0, 65_535),
    tracing: reader.tracing(),
    shutdownGraceSeconds: reader.integer('HEADGATE_SHUTDOWN_GRACE_SECONDS', 20, 1, 600),
    temporalAddress: reader.text('TEMPORAL_ADDRESS'),
    embeddedTemporal: reader.oneOf('HEADGATE_EMBEDDED_TEMPORAL', ['on', 'off'], 'on'),
    temporalNamespace: reader.text('TEMPORAL_NAMESPACE', 'default'),
    temporalUiUrl: reader.text('TEMPORAL_UI_URL'),
    temporalCli: reader.text('HEADGATE_TEMPORAL_CLI'),
    temporalPort: reader.integer('HEADGATE_TEMPORAL_PORT', 7233, 1, 65_535),
    temporalUiPort: reader.integer('HEADGATE_TEMPORAL_UI_PORT', 8233, 1, 65_535),
    temporalUi: reader.oneOf('HEADGATE_TEMPORAL_UI', ['on', 'off'], 'on'),
    fault: reader.fault('HEADGATE_FAULT'),
    path: reader.text('PATH') ?? '',
    color: reader.text('NO_COLOR') === undefined,
  };
}

/**
 * Gives what a reference in a tenant's file stands for: a value, or several while a secret is rotated, the newest first;
 * undefined when its variable is not set, or there is no such secret.
 * @throws HeadgateError `SECRET_REFUSED`: it refers to a variable that is not the tenant's; `BATCH_KEY_MISSING`,
 * `BATCH_KEY_WRONG`: what is stored cannot be decrypted
 */
export type SecretReader = (tenant: string, reference: string) => string | readonly string[] | undefined;

/** Where {@link secretReader} reads, and for whom. */
export interface SecretSource {
  /** Default: this process's. */
  readonly env?: Env;
  /** Another tenant that a tenant's variables would belong to as well, if there is one; then they are nobody's. Default: none. */
  readonly sharing?: (tenant: string) => string | undefined;
  /** The valid values of a secret that was made through Headgate, the newest first. Default: there are none. */
  readonly stored?: (tenant: string, name: string) => readonly string[];
}

/**
 * Reads what tenant files refer to: `env:HEADGATE_SECRET_<TENANT>__<NAME>` is the variable's value now, `secret:<name>` a
 * secret that was made through Headgate; anything else stands for itself. Nothing of it is kept.
 */
export function secretReader({ env = process.env, sharing, stored }: SecretSource = {}): SecretReader {
  return (tenant, reference) => {
    const name = storedNameOf(reference);
    if (name !== undefined) return stored?.(tenant, name);
    const variable = variableOf(reference);
    if (variable === undefined) return reference;
    // Checked when the file was applied; here it holds whatever the reference has come by.
    if (!ownsVariable(tenant, variable)) throw refused(`${notOwned(tenant, variable)}.`);
    const other = sharing?.(tenant);
    if (other !== undefined)
      throw refused(
        `${variable} could be of tenant ${tenant} or of tenant ${other}: give one of them another id.`,
      );
    return env[variable] === '' ? undefined : env[variable];
  };
}

/** Retryable: what is to be delivered waits until a person has seen to it. */
function refused(message: string): HeadgateError {
  return new HeadgateError('SECRET_REFUSED', message, { retryable: true });
}

/** Where this platform keeps what can be made again. */
function userCacheDir(reader: EnvReader): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  if (process.platform === 'win32') return reader.text('LOCALAPPDATA') ?? join(homedir(), 'AppData', 'Local');
  return reader.text('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
}

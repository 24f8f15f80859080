/** What an environment variable is for; its form, default and error come from the reader that parses it. */
export interface VariableText {
  readonly group: VariableGroup;
  /** What it does. Sentences; each has a line in docs/reference/configuration.md. */
  readonly what: string;
  /** What holds while it is not set, where the parser has no default to show. */
  readonly unset?: string;
}

/** Groups of variables, in the order the reference has them. */
export const VARIABLE_GROUPS = {
  storage: 'Where things are kept',
  api: 'The API',
  tokens: 'Tokens',
  limits: 'Limits of a node',
  usage: 'Usage and cost',
  warehouse: 'The warehouse',
  subscriptions: 'Subscriptions',
  temporal: 'Temporal',
  observability: 'Logs and metrics',
  traces: 'Traces',
  system: 'The operating system, and tests',
} as const;

/** A key of {@link VARIABLE_GROUPS}. */
type VariableGroup = keyof typeof VARIABLE_GROUPS;

const EMULATOR = 'Requests to it carry no credentials.';
const GOOGLE = "Google's own";

const STORAGE = {
  HEADGATE_DATA_DIR: {
    group: 'storage',
    what: "Directory of all state: spool, batch files, profiles, warehouse, tenants, keys, Temporal's database. A relative path is of the working directory.",
  },
  HEADGATE_BATCHES: {
    group: 'storage',
    what: 'Bucket of Google Cloud Storage that batch files are kept in.',
    unset: 'batch files are in the data directory',
  },
  HEADGATE_GCS_ENDPOINT: {
    group: 'storage',
    what: `URL of an emulator of Google Cloud Storage. ${EMULATOR}`,
    unset: GOOGLE,
  },
  HEADGATE_BATCH_KEY: {
    group: 'storage',
    what: 'Master key of the keys that batch files are encrypted with.',
    unset: 'batch files are not encrypted',
  },
  HEADGATE_BATCH_KEY_PREVIOUS: {
    group: 'storage',
    what: 'The master key before, while keys are changed over to the new one. Alone, it is the key of files that are only read.',
    unset: 'none',
  },
  HEADGATE_STATE: {
    group: 'storage',
    what: 'Postgres that the state of subjects is kept in.',
    unset: 'the state is in the data directory',
  },
  PGPASSWORD: {
    group: 'storage',
    what: 'Password for `HEADGATE_STATE`, where the URL has none.',
    unset: 'none',
  },
  HEADGATE_CACHE_DIR: {
    group: 'storage',
    what: 'Directory in which the Temporal server is kept that was downloaded or built. All data directories share it.',
    unset: "`headgate` in the user's cache directory",
  },
} as const satisfies Record<string, VariableText>;

const API = {
  HEADGATE_HOST: {
    group: 'api',
    what: 'Address that the API listens on. The port of `HEADGATE_METRICS_PORT` listens on it, too.',
  },
  HEADGATE_PORT: { group: 'api', what: 'Port of the API. 0 takes a free one.' },
  LISTEN_FDS: {
    group: 'api',
    what: 'Set by systemd where a unit `headgate.socket` has opened the port: the API listens on that socket, and `HEADGATE_HOST` and `HEADGATE_PORT` only say where commands find it. Connections wait in it while the process starts again.',
    unset: 'none',
  },
  LISTEN_PID: { group: 'api', what: 'Set by systemd: the process that `LISTEN_FDS` is for.', unset: 'none' },
  HEADGATE_ACK: {
    group: 'api',
    what: 'When a producer gets its 202. `spool`: once the events are flushed to disk. `started`: once Temporal has the batch; for nodes without a lasting disk, with batches in a bucket. Profiles and aggregates of the seconds since the last checkpoint are then lost with the disk.',
  },
  HEADGATE_SHUTDOWN_GRACE_SECONDS: {
    group: 'api',
    what: 'How long a node may take to end after SIGTERM. What is not done by then goes on at the next start.',
  },
  HEADGATE_JWKS: {
    group: 'tokens',
    what: 'Key set that verifies tokens (EdDSA, ES256, RS256). A file is followed. A key that is withdrawn stops within a minute, for open requests as well. Plain http is taken on this machine alone.',
    unset: 'a development key pair in the data directory',
  },
  HEADGATE_DEVELOPMENT_KEY: {
    group: 'tokens',
    what: '`loopback` refuses to start an API that other machines reach without a key set of your own. `anywhere` lets it start.',
  },
  HEADGATE_TOKEN_TYP: {
    group: 'tokens',
    what: "The `typ` that a token's header must have, such as `at+jwt`.",
    unset: 'any',
  },
  HEADGATE_TOKEN_MAX_LIFETIME: {
    group: 'tokens',
    what: 'How long a token may be valid, from `iat` to `exp`.',
    unset: 'any time',
  },
  HEADGATE_REVOCATIONS: {
    group: 'tokens',
    what: 'Path of a JSON file of revoked tokens. It is followed, for open requests as well. Its form: `{"jti": ["…"], "subjects": {"UA": ["alice"]}, "notBefore": {"UA": "2026-11-28T12:00:00Z"}}`.',
    unset: 'none is revoked',
  },
  HEADGATE_JWT_ISSUER: { group: 'tokens', what: 'The `iss` that a token must carry.' },
  HEADGATE_JWT_AUDIENCE: {
    group: 'tokens',
    what: 'The `aud` that a token must carry. Each token also needs `exp`, `tenant` and `scope`.',
  },
  HEADGATE_TOKEN: {
    group: 'tokens',
    what: 'The token that commands such as `headgate send` use.',
    unset: 'one signed with the development key',
  },
} as const satisfies Record<string, VariableText>;

const LIMITS = {
  HEADGATE_MAX_SPOOL: {
    group: 'limits',
    what: 'Bytes of events that may wait for Temporal before the API answers 503. A tenant may fill a quarter of it.',
  },
  HEADGATE_MIN_FREE_DISK: { group: 'limits', what: 'Free bytes of disk below which the API answers 503.' },
  HEADGATE_MAX_BACKLOG_AGE_SECONDS: {
    group: 'limits',
    what: "How long a tenant's oldest event may have waited, while Temporal was there, before the tenant is answered 429.",
  },
  HEADGATE_MAX_IN_FLIGHT: {
    group: 'limits',
    what: 'Bytes of requests being handled at once, of all tenants. Memory takes a few times as much.',
  },
  HEADGATE_MAX_CONNECTIONS: {
    group: 'limits',
    what: 'Connections to the API at once. The bounds of one tenant follow from it: open requests, and consumers that wait.',
  },
  HEADGATE_LOADS_PER_SECOND: {
    group: 'warehouse',
    what: "Loads into Parquet a second, of all tenants together. With more active tenants each one's load windows get longer.",
  },
  HEADGATE_COMPACTION: {
    group: 'warehouse',
    what: '`off` where something else runs `headgate compact`.',
  },
  HEADGATE_BIGQUERY_ENDPOINT: {
    group: 'warehouse',
    what: `URL of an emulator of BigQuery. ${EMULATOR}`,
    unset: GOOGLE,
  },
  HEADGATE_BIGQUERY_STORAGE_ENDPOINT: {
    group: 'warehouse',
    what: `Emulator of the Storage Write API, reached in plain text. ${EMULATOR}`,
    unset: GOOGLE,
  },
  HEADGATE_PUSH_ALLOW: {
    group: 'subscriptions',
    what: 'Addresses that webhooks may be posted to although they are not public, and by plain http.',
    unset: 'none',
  },
  HEADGATE_WORKFLOW_QUEUES: {
    group: 'subscriptions',
    what: "Task queues that subscriptions of `kind: workflow` may use beside the tenant's own, by tenant.",
    unset: 'none',
  },
} as const satisfies Record<string, VariableText>;

const TEMPORAL = {
  TEMPORAL_ADDRESS: {
    group: 'temporal',
    what: 'Host and port of the Temporal to use.',
    unset: "Headgate runs Temporal's development server",
  },
  TEMPORAL_NAMESPACE: {
    group: 'temporal',
    what: 'Namespace of Temporal. It belongs to one data directory.',
  },
  TEMPORAL_UI_URL: {
    group: 'temporal',
    what: 'Address of the Temporal UI, for links in receipts.',
    unset: "that of Temporal's development server",
  },
  HEADGATE_MAX_CLOCK_DIFFERENCE_SECONDS: {
    group: 'temporal',
    what: "How far this machine's clock may be from that of the Temporal at `TEMPORAL_ADDRESS`. A node refuses to start beyond it (`CLOCK_WRONG`).",
  },
  HEADGATE_EMBEDDED_TEMPORAL: {
    group: 'temporal',
    what: '`off`: `start` and `demo` refuse to run a Temporal of their own where `TEMPORAL_ADDRESS` is not set, as in the image.',
  },
  HEADGATE_TEMPORAL_CLI: {
    group: 'temporal',
    what: 'Path of the `temporal` binary that runs as the development server.',
    unset: 'found on the `PATH` or in the cache directory, else downloaded or built',
  },
  HEADGATE_TEMPORAL_PORT: { group: 'temporal', what: "gRPC port of Temporal's development server." },
  HEADGATE_TEMPORAL_UI_PORT: { group: 'temporal', what: "Port of the UI of Temporal's development server." },
  HEADGATE_TEMPORAL_UI: { group: 'temporal', what: "`off`: Temporal's development server has no UI." },
} as const satisfies Record<string, VariableText>;

const USAGE = {
  HEADGATE_PRICES: {
    group: 'usage',
    what: 'Path of a YAML file of prices, by which usage has a cost; see [bill tenants](../how-to/bill-tenants.md).',
    unset: 'usage has no cost',
  },
  HEADGATE_USAGE_DAYS: {
    group: 'usage',
    what: 'Days that the usage of tenants is kept.',
  },
} as const satisfies Record<string, VariableText>;

const PROCESS = {
  HEADGATE_LOG_LEVEL: {
    group: 'observability',
    what: 'The least that is logged, on stderr. [Log lines](log-lines.md) has every line with its level.',
  },
  HEADGATE_LOG_FORMAT: {
    group: 'observability',
    what: '`json`: a JSON object a line. `pretty`: for people, in colours where `NO_COLOR` is not set.',
    unset: '`pretty` where stderr is a terminal, else `json`',
  },
  HEADGATE_METRICS: { group: 'observability', what: '`off` removes `/metrics`.' },
  HEADGATE_AUDIT_LOG_DAYS: {
    group: 'observability',
    what: 'Days that the [audit log](../how-to/see-who-did-what.md) is kept.',
  },
  HEADGATE_METRICS_TENANTS: {
    group: 'observability',
    what: 'Tenants that have a label of their own in metrics. The others share the label `other`.',
  },
  HEADGATE_METRICS_PORT: {
    group: 'observability',
    what: 'Port at which a process without an API (`headgate worker`) serves `/metrics`, `/healthz` and `/readyz`. 0 takes a free one.',
    unset: 'they are not served',
  },
  HEADGATE_FAULT: {
    group: 'system',
    what: 'For crash tests alone: the process dies at this fault point, at the given pass.',
    unset: 'none',
  },
  PATH: { group: 'system', what: 'Where `temporal` and `go` are looked for.', unset: 'nowhere' },
  NO_COLOR: { group: 'system', what: 'Set to anything, output has no colours.', unset: 'colours' },
  XDG_CACHE_HOME: {
    group: 'system',
    what: "The user's cache directory on Linux and the like.",
    unset: '`~/.cache`',
  },
  LOCALAPPDATA: {
    group: 'system',
    what: "The user's cache directory on Windows.",
    unset: '`AppData\\Local` in the home directory',
  },
} as const satisfies Record<string, VariableText>;

const TRACES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    group: 'traces',
    what: 'URL of a receiver of OTLP over HTTP; spans go to `/v1/traces` below it. See [follow an event with traces](../how-to/follow-an-event-with-traces.md).',
    unset: 'nothing is traced',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    group: 'traces',
    what: 'The same for traces alone, and as a whole: nothing is added to it.',
    unset: 'that of `OTEL_EXPORTER_OTLP_ENDPOINT`',
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: { group: 'traces', what: 'The form that spans are sent in.' },
  OTEL_TRACES_EXPORTER: { group: 'traces', what: '`none`: nothing is traced.' },
  OTEL_SDK_DISABLED: { group: 'traces', what: '`true`: nothing is traced.' },
  OTEL_SERVICE_NAME: { group: 'traces', what: 'The name that spans have as `service.name`.' },
  OTEL_TRACES_SAMPLER: {
    group: 'traces',
    what: 'Which requests are traced. `parentbased_…`: those that their producer traces, and of the others what the rest of the name says. The others do not look at what the producer says.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    group: 'traces',
    what: 'With a sampler by ratio: the part of the requests that is traced, such as `0.01`.',
  },
} as const satisfies Record<string, VariableText>;

/** Every variable that the configuration is read from. */
export const VARIABLES = { ...STORAGE, ...API, ...LIMITS, ...USAGE, ...TEMPORAL, ...PROCESS, ...TRACES };

/** The name of a variable; one that is not described cannot be read. */
export type VariableName = keyof typeof VARIABLES;

/** Variables that libraries or tenants' files read, not the configuration. */
export const OTHER_VARIABLES: Readonly<Record<string, VariableText>> = {
  'HEADGATE_SECRET_<TENANT>__<NAME>': {
    group: 'subscriptions',
    what: "A secret of a tenant: what `env:HEADGATE_SECRET_<TENANT>__<NAME>` in its file stands for. `<TENANT>` is the tenant's id in capitals, with `_` for `-`. A file can name no other variables.",
    unset: 'what is to be delivered waits (`SECRET_MISSING`)',
  },
  'TEMPORAL_API_KEY, TEMPORAL_TLS_*': {
    group: 'temporal',
    what: "Credentials for `TEMPORAL_ADDRESS`, named as [Temporal's SDKs](https://docs.temporal.io/develop/environment-configuration) name them.",
    unset: 'none',
  },
  'OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_COMPRESSION, OTEL_EXPORTER_OTLP_CERTIFICATE, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_*':
    {
      group: 'traces',
      what: "How spans are sent and what they say of the process, read by [OpenTelemetry's SDK](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).",
      unset: 'as it says',
    },
  GOOGLE_APPLICATION_CREDENTIALS: {
    group: 'storage',
    what: "Path of credentials for Google Cloud, read by Google's libraries.",
    unset: "those of `gcloud` or of the machine's service account",
  },
};

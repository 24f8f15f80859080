import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { loadConfig, secretReader, unknownVariables } from '../src/config.js';
import type { HeadgateError } from '../src/errors.js';
import { useTempDir } from './support/temp-dir.js';
import { describePlace } from '../src/stores/state/postgres-place.js';

const MB = 1024 ** 2;

describe('the configuration', () => {
  it('needs nothing, and has the documented defaults', () => {
    const { dataDir, cacheDir, ...config } = loadConfig({});
    assert.equal(dataDir, resolve('.headgate'));
    assert.ok(isAbsolute(cacheDir) && cacheDir.endsWith('headgate'));
    assert.deepEqual(config, {
      batches: undefined,
      batchKeys: { current: undefined, previous: undefined },
      state: undefined,
      bigQueryEndpoint: undefined,
      bigQueryStorageEndpoint: undefined,
      host: '127.0.0.1',
      port: 8080,
      listeningSocket: undefined,
      ack: 'spool',
      jwks: undefined,
      jwtIssuer: 'headgate',
      jwtAudience: 'headgate',
      token: undefined,
      workflowQueues: [],
      developmentKey: 'loopback',
      revocations: undefined,
      tokenMaxLifetimeMs: undefined,
      tokenType: undefined,
      logFormat: undefined,
      logLevel: 'info',
      maxSpoolBytes: 4096 * MB,
      maxBacklogAgeSeconds: 600,
      maxClockDifferenceSeconds: 60,
      maxInFlightBytes: 64 * MB,
      maxConnections: 10_000,
      minFreeDiskBytes: 512 * MB,
      metrics: 'on',
      tracing: undefined,
      auditLogDays: 400,
      metricsTenants: 200,
      metricsPort: undefined,
      loadsPerSecond: 4,
      compaction: 'on',
      embeddedTemporal: 'on',
      prices: undefined,
      usageDays: 400,
      pushAllow: [],
      shutdownGraceSeconds: 20,
      fault: undefined,
      temporalAddress: undefined,
      temporalNamespace: 'default',
      temporalUiUrl: undefined,
      temporalCli: undefined,
      temporalPort: 7233,
      temporalUi: 'on',
      temporalUiPort: 8233,
      path: '',
      color: true,
    });
  });

  it('takes the first socket that was passed to this very process', () => {
    const socketOf = (env: Record<string, string>) => loadConfig(env).listeningSocket;
    const [own, parent] = [String(process.pid), String(process.ppid)];
    assert.equal(socketOf({ LISTEN_FDS: '2', LISTEN_PID: own }), 3);
    assert.equal(socketOf({ LISTEN_FDS: '1', LISTEN_PID: parent }), undefined);
    assert.equal(socketOf({ LISTEN_FDS: '0', LISTEN_PID: own }), undefined);
    assert.equal(socketOf({ LISTEN_FDS: '1' }), undefined);
    assert.throws(() => socketOf({ LISTEN_FDS: 'one', LISTEN_PID: own }), { code: 'CONFIG_INVALID' });
  });

  it('takes an empty variable for one that is not set', () => {
    const names = [
      'HEADGATE_DATA_DIR',
      'HEADGATE_PORT',
      'HEADGATE_ACK',
      'HEADGATE_MAX_SPOOL',
      'HEADGATE_JWKS',
      'TEMPORAL_ADDRESS',
    ];
    const empty = Object.fromEntries(
      [...names, 'HEADGATE_CACHE_DIR', 'XDG_CACHE_HOME', 'LOCALAPPDATA', 'NO_COLOR'].map((name) => [
        name,
        '',
      ]),
    );
    assert.deepEqual(loadConfig(empty), loadConfig({}));
  });

  it('is what the environment says, and cannot be changed afterwards', () => {
    const config = loadConfig({
      HEADGATE_DATA_DIR: 'some/where',
      HEADGATE_CACHE_DIR: '/cache',
      HEADGATE_PORT: '0',
      HEADGATE_ACK: 'started',
      HEADGATE_LOG_LEVEL: 'silent',
      HEADGATE_MAX_SPOOL: '1.5GB',
      HEADGATE_MIN_FREE_DISK: '10 mb',
      HEADGATE_SHUTDOWN_GRACE_SECONDS: '600',
      HEADGATE_JWKS: 'https://issuer.example/jwks',
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      NO_COLOR: '1',
      PATH: '/bin',
    });
    assert.equal(config.dataDir, join(process.cwd(), 'some/where'));
    assert.deepEqual([config.port, config.ack, config.logLevel], [0, 'started', 'silent']);
    assert.deepEqual([config.maxSpoolBytes, config.minFreeDiskBytes], [1536 * MB, 10 * MB]);
    assert.deepEqual(
      [config.cacheDir, config.shutdownGraceSeconds, config.color, config.path],
      ['/cache', 600, false, '/bin'],
    );
    assert.deepEqual(
      [config.jwks, config.temporalAddress],
      ['https://issuer.example/jwks', 'temporal.example:7233'],
    );
    assert.throws(() => Object.assign(config, { port: 1 }), TypeError);
  });

  const bad: [name: string, values: string[]][] = [
    [
      'HEADGATE_BATCHES',
      [
        's3://b',
        '/srv/batches',
        'gs://',
        'gs://B',
        'gs://abc//x',
        'gs://abc/../x',
        'gs://abc/a b',
        'gs://abc/x/.y',
      ],
    ],
    ['HEADGATE_BIGQUERY_STORAGE_ENDPOINT', ['127.0.0.1', 'http://127.0.0.1:9060', ':9060', 'host:port']],
    ['HEADGATE_GCS_ENDPOINT', ['127.0.0.1:4443', 'http://', 'http://host/path']],
    ['HEADGATE_BIGQUERY_ENDPOINT', ['127.0.0.1:9050', 'http://', 'http://host/bigquery/v2']],
    ['HEADGATE_PORT', ['65536', '-1', '80.5', '0x50', '8080 ', 'http', '1e3', '99999999999999999999']],
    ['HEADGATE_TEMPORAL_PORT', ['0', '65536']],
    ['HEADGATE_TEMPORAL_UI_PORT', ['0', 'x']],
    ['HEADGATE_SHUTDOWN_GRACE_SECONDS', ['0', '601', '20s']],
    ['HEADGATE_ACK', ['Spool', 'true', 'none']],
    ['HEADGATE_LOG_LEVEL', ['verbose', 'INFO']],
    ['HEADGATE_LOG_FORMAT', ['text', 'JSON']],
    ['HEADGATE_MAX_SPOOL', ['0MB', '-1GB', '4', '4 GiB', 'lots', '1,5GB', '4GB please']],
    ['HEADGATE_MIN_FREE_DISK', ['0b', 'x']],
    ['HEADGATE_PUSH_ALLOW', ['127.0.0.1', '10/8', '10.0.0.0/33', 'fd00::/129', 'localhost/8', '*']],
  ];
  for (const [name, values] of bad) {
    for (const value of values) {
      it(`refuses ${name}=${value}, naming both`, () => {
        assert.throws(
          () => loadConfig({ [name]: value }),
          ({ code, message }: HeadgateError) =>
            code === 'CONFIG_INVALID' && message.includes(name) && message.includes(`"${value}"`),
        );
      });
    }
  }

  it('names every problem at once, one a line', () => {
    const env = Object.fromEntries(bad.map(([name, [value]]) => [name, value]));
    assert.throws(
      () => loadConfig(env),
      ({ message }: HeadgateError) => {
        const lines = message.split('\n');
        assert.equal(lines.length, bad.length);
        for (const [name] of bad)
          assert.equal(lines.filter((line) => line.startsWith(`${name} must be`)).length, 1, name);
        return true;
      },
    );
  });

  it('takes a bucket apart into its name and a prefix', () => {
    const batchesOf = (text: string) => loadConfig({ HEADGATE_BATCHES: text }).batches;
    assert.deepEqual(batchesOf('gs://my-bucket'), { bucket: 'my-bucket', prefix: '', endpoint: undefined });
    assert.equal(batchesOf('gs://my-bucket/')?.prefix, '');
    assert.equal(batchesOf('gs://my-bucket/eu/env=prod/')?.prefix, 'eu/env=prod');
    const endpoint = 'http://127.0.0.1:4443';
    const emulated = loadConfig({ HEADGATE_BATCHES: 'gs://abc/x', HEADGATE_GCS_ENDPOINT: endpoint });
    assert.deepEqual(emulated.batches, { bucket: 'abc', prefix: 'x', endpoint });
    assert.equal(loadConfig({ HEADGATE_BIGQUERY_ENDPOINT: endpoint }).bigQueryEndpoint, endpoint);
  });

  describe('of the key of batches', () => {
    const dir = useTempDir();
    const key = randomBytes(32);
    const text = key.toString('base64');
    const keyOf = (value: string) => loadConfig({ HEADGATE_BATCH_KEY: value }).batchKeys.current?.export();

    it('is the key, or a file that has it', () => {
      assert.deepEqual(keyOf(text), key);
      writeFileSync(join(dir(), 'key'), `${text}\n`);
      assert.deepEqual(keyOf(`file:${join(dir(), 'key')}`), key);
      const { batchKeys } = loadConfig({ HEADGATE_BATCH_KEY_PREVIOUS: text });
      assert.deepEqual([batchKeys.current, batchKeys.previous?.export()], [undefined, key]);
    });

    it('shows nothing of it, neither when it is printed nor when it is wrong', () => {
      const config = loadConfig({ HEADGATE_BATCH_KEY: text });
      for (const shown of [JSON.stringify(config), inspect(config, { depth: 9, showHidden: true })])
        for (const form of [text, key.toString('hex')]) assert.ok(!shown.includes(form));
      writeFileSync(join(dir(), 'short'), text.slice(4));
      const wrong = [text.slice(1), 'secret', key.toString('hex'), `file:${join(dir(), 'short')}`];
      for (const value of [...wrong, `file:${dir()}/none`, `file:${dir()}`])
        assert.throws(
          () => loadConfig({ HEADGATE_BATCH_KEY: value }),
          ({ code, message }: HeadgateError) =>
            code === 'CONFIG_INVALID' &&
            message.startsWith('HEADGATE_BATCH_KEY must be') &&
            !message.includes(value) &&
            !message.includes(text.slice(4)),
          value,
        );
    });
  });

  it('takes the place of the state apart, with a password from either place', () => {
    const stateOf = (text: string, password = '') =>
      loadConfig({ HEADGATE_STATE: text, PGPASSWORD: password }).state;
    const usual = { sslmode: 'disable', sslrootcert: undefined, password: undefined };
    assert.deepEqual(stateOf('postgres://me@db.example/events'), {
      ...usual,
      host: 'db.example',
      port: 5432,
      database: 'events',
      user: 'me',
      schema: 'headgate',
    });
    const url =
      'postgresql://m%40e:p%2Fw@[::1]:6543/a%20b?schema=s_1&sslmode=verify-full&sslrootcert=/ca.pem';
    assert.deepEqual(stateOf(url, 'not this one'), {
      host: '::1',
      port: 6543,
      database: 'a b',
      user: 'm@e',
      password: 'p/w',
      schema: 's_1',
      sslmode: 'verify-full',
      sslrootcert: '/ca.pem',
    });
    const socket = stateOf('postgres://me@localhost/events?host=/var/run/postgresql', 'from the environment');
    assert.deepEqual([socket?.host, socket?.password], ['/var/run/postgresql', 'from the environment']);
  });

  const noPlaces = [
    'lmdb',
    'mysql://u@h/d',
    'postgres:///db',
    'postgres://host/db',
    'postgres://u@host',
    'postgres://u@host:99999/db',
    'postgres://u@h/%zz',
    'postgres://u@h/d?schema=A',
    'postgres://u@h/d?schema=1a',
    'postgres://u@h/d?schema=',
    'postgres://u@h/d?sslmode=prefer',
    'postgres://u@h/d?application_name=x',
  ];
  for (const text of noPlaces) {
    it(`refuses ${text} as the place of the state`, () => {
      assert.throws(() => loadConfig({ HEADGATE_STATE: text }), {
        code: 'CONFIG_INVALID',
        message: /^HEADGATE_STATE (must|takes) /,
      });
    });
  }

  it('never says a password, be the place right or wrong', () => {
    const place = loadConfig({ HEADGATE_STATE: 'postgres://me:hush-hush@h:1/d' }).state;
    assert.equal(describePlace(place!), 'postgres://me@h:1/d?schema=headgate');
    for (const wrong of [
      'postgres://me:hush-hush@h',
      'postgres://me:hush-hush@h/d?x=1',
      'pg://me:hush-hush@h/d',
    ])
      assert.throws(
        () => loadConfig({ HEADGATE_STATE: wrong }),
        ({ message }: HeadgateError) => /HEADGATE_STATE/.test(message) && !/hush/.test(message),
      );
  });

  it('takes ranges of addresses apart at commas', () => {
    const { pushAllow } = loadConfig({ HEADGATE_PUSH_ALLOW: '127.0.0.0/8, fd00::/8' });
    assert.deepEqual(
      pushAllow.map(([address, bits]) => `${address.toString()}/${bits}`),
      ['127.0.0.0/8', 'fd00::/8'],
    );
    assert.throws(
      () => loadConfig({ HEADGATE_PUSH_ALLOW: '127.0.0.0/8,,10.0.0.0/8' }),
      /HEADGATE_PUSH_ALLOW/,
    );
  });

  it('gives what a reference stands for, as it is then', () => {
    const env: Record<string, string> = { HEADGATE_SECRET_UA__HOOK: 'one', HEADGATE_SECRET_UA__EMPTY: '' };
    const secretOf = secretReader({ env });
    const references = ['HOOK', 'EMPTY', 'NONE'].map((name) => `env:HEADGATE_SECRET_UA__${name}`);
    assert.deepEqual(
      [...references, 'whsec_AAAA'].map((reference) => secretOf('UA', reference)),
      ['one', undefined, undefined, 'whsec_AAAA'],
    );
    env.HEADGATE_SECRET_UA__HOOK = 'two';
    assert.equal(secretOf('UA', 'env:HEADGATE_SECRET_UA__HOOK'), 'two');
  });

  it("gives a tenant no variable but its own: neither the process's, nor another tenant's", () => {
    const names = ['HEADGATE_TOKEN', 'PATH', 'headgate_secret_x', '', 'HEADGATE_SECRET_CRM'];
    const anothers = ['VICTIM__CRM', 'A__B__X', 'A_B__X', 'A___X', 'a__X', 'A__'].map(
      (name) => `HEADGATE_SECRET_${name}`,
    );
    const env = Object.fromEntries([...names, ...anothers].map((name) => [name, 'secret']));
    const secretOf = secretReader({ env });
    const refused = ({ code, message }: HeadgateError): boolean =>
      code === 'SECRET_REFUSED' && message.includes('HEADGATE_SECRET_') && !message.includes('secret,');
    for (const name of [...names, 'HEADGATE_SECRET_VICTIM__CRM'])
      for (const tenant of ['UA', 'a']) assert.throws(() => secretOf(tenant, `env:${name}`), refused);
    // Each of these could be read as a name of tenant a, and is one of nobody's or of tenant a-b.
    for (const name of ['A_B__X', 'A___X', 'a__X', 'A__'])
      assert.throws(() => secretOf('a', `env:HEADGATE_SECRET_${name}`), refused);
    assert.equal(secretOf('a', 'env:HEADGATE_SECRET_A__B__X'), 'secret');
    assert.equal(secretOf('a-b', 'env:HEADGATE_SECRET_A_B__X'), 'secret');
    for (const tenant of ['a--b', 'a__b', 'a-'])
      for (const name of ['A__B__X', 'A___X', 'A__X', 'A____B__X'])
        assert.throws(() => secretOf(tenant, `env:HEADGATE_SECRET_${name}`), /two signs in a row/);
  });

  it('gives a variable to neither of two tenants that would both own it', () => {
    const env = { HEADGATE_SECRET_A_B__X: 'secret' };
    const secretOf = secretReader({ env, sharing: (tenant) => (tenant === 'a_b' ? 'A-B' : 'a_b') });
    for (const tenant of ['a_b', 'A-B'])
      assert.throws(() => secretOf(tenant, 'env:HEADGATE_SECRET_A_B__X'), /could be of tenant/);
  });

  it('takes keys by https, from a file, or by http from this machine alone', () => {
    for (const jwks of [
      'https://id.example/jwks',
      '/etc/jwks.json',
      'http://127.0.0.1:9/jwks',
      'http://localhost/j',
    ])
      assert.equal(loadConfig({ HEADGATE_JWKS: jwks }).jwks, jwks);
    for (const jwks of [
      'http://id.example/jwks',
      'HTTP://10.0.0.1/jwks',
      'http://localhost.evil.example/',
      'https://',
    ])
      assert.throws(() => loadConfig({ HEADGATE_JWKS: jwks }), /HEADGATE_JWKS must be an https URL/);
    assert.equal(loadConfig({ HEADGATE_TOKEN_MAX_LIFETIME: '1h' }).tokenMaxLifetimeMs, 3_600_000);
    for (const wrong of ['1', '0s', 'long'])
      assert.throws(() => loadConfig({ HEADGATE_TOKEN_MAX_LIFETIME: wrong }), /must be a duration/);
  });

  it('reads the queues that workflows of tenants may start on', () => {
    const { workflowQueues } = loadConfig({ HEADGATE_WORKFLOW_QUEUES: 'UA:bookings, *:shared-*' });
    assert.deepEqual(workflowQueues, [
      { tenant: 'UA', queue: 'bookings' },
      { tenant: '*', queue: 'shared-*' },
    ]);
    for (const wrong of ['bookings', 'UA:', '*:*', 'UA:pool.0', '*:tenant.UA', 'UA:own.other', 'UA:a b'])
      assert.throws(
        () => loadConfig({ HEADGATE_WORKFLOW_QUEUES: wrong }),
        /HEADGATE_WORKFLOW_QUEUES must be/,
      );
  });

  it('says nothing of a secret', () => {
    assert.throws(
      () => loadConfig({ HEADGATE_TOKEN: 'secret', HEADGATE_PORT: 'x' }),
      ({ message }: HeadgateError) => !message.includes('secret'),
    );
  });

  it('warns of a variable that is none, with the one that is meant, and repeats no value', () => {
    assert.deepEqual(
      unknownVariables({
        HEADGATE_PROT: 'secret',
        HEADGATE_SOMETHING_ELSE: 'x',
        PROT: '1',
        HEADGATE_PORT: 'x',
        HEADGATE_SECRET_CRM: 'x',
        HEADGATE_TEST_TOTALS: 'x',
        HEADGATE_FAULT: 'x',
      }),
      [
        { variable: 'HEADGATE_PROT', nearest: 'HEADGATE_PORT' },
        { variable: 'HEADGATE_SOMETHING_ELSE', nearest: undefined },
      ],
    );
  });
});

describe('the settings of traces', () => {
  const tracing = (env: Record<string, string>) => loadConfig(env).tracing;
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };

  it('have the names that OpenTelemetry gives them, and its defaults', () => {
    assert.deepEqual(tracing(endpoint), {
      url: 'http://127.0.0.1:4318/v1/traces',
      serviceName: 'headgate',
      sampler: 'parentbased_always_on',
      ratio: 1,
    });
    const given = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://otel.example/in',
      OTEL_SERVICE_NAME: 'events',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.01',
    };
    assert.deepEqual(tracing({ ...endpoint, ...given }), {
      url: 'https://otel.example/in',
      serviceName: 'events',
      sampler: 'traceidratio',
      ratio: 0.01,
    });
  });

  it('trace nothing without a receiver, or where that is said', () => {
    assert.equal(tracing({ OTEL_TRACES_SAMPLER: 'always_on' }), undefined);
    assert.equal(tracing({ ...endpoint, OTEL_SDK_DISABLED: 'true' }), undefined);
    assert.equal(tracing({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), undefined);
  });

  it('are refused where they cannot be, without what may be a password', () => {
    const wrong = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'me:secret@host',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER_ARG: '1.5',
    };
    assert.throws(
      () => loadConfig(wrong),
      ({ message }: HeadgateError) =>
        Object.keys(wrong).every((name) => message.includes(`${name} must be`)) &&
        !message.includes('secret'),
    );
  });
});

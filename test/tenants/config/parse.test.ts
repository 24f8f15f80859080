import assert from 'node:assert/strict';
import { HeadgateError } from '../../../src/errors.js';
import type { ConfigIssue } from '../../../src/tenants/config/invalid-file.js';
import { parseTenantConfig } from '../../../src/tenants/config/parse.js';

function refusal(text: string): HeadgateError {
  try {
    parseTenantConfig(text, 'UA.yaml');
  } catch (error) {
    assert.ok(error instanceof HeadgateError, String(error));
    assert.equal(error.code, 'TENANT_CONFIG_INVALID');
    return error;
  }
  assert.fail('the configuration was taken');
}

const issuesOf = (text: string) => refusal(text).details!.issues as ConfigIssue[];

/** Where `needle` stands in `text`, as the messages give it. */
function placeOf(text: string, needle: string): [line: number, column: number] {
  const before = text.slice(0, text.indexOf(needle)).split('\n');
  assert.ok(text.includes(needle), `${needle} is not in the text`);
  return [before.length, before.at(-1)!.length + 1];
}

const WHOLE = `
tenant: UA
isolation: dedicated
suspended: true
limits: { eventsPerSecond: 500, bytesPerSecond: 2MB, requestsPerSecond: 300, activitiesPerSecond: 0 }
batch: { maxEvents: 2000, maxBytes: 512KB, linger: 50ms }
retention: 2 days
warehouse: { kind: parquet, window: 10s, retention: 400 days }
aggregates:
  late_departures: { on: [flight.departed], when: 'event.data.delay_minutes >= 30', op: count, window: 24h }
  worst: { on: [flight.departed, flight.arrived], op: max, value: event.data.delay_minutes, window: 7 days }
rules:
  - name: swap_aircraft
    on: [flight.departed]
    when: 'event.data.delay_minutes >= 30 && aggregates.late_departures >= 3'
`;

describe('tenants/config/parse', () => {
  it('reads a whole file', () => {
    assert.deepEqual(parseTenantConfig(WHOLE, 'UA.yaml'), {
      tenant: 'UA',
      isolation: 'dedicated',
      suspended: true,
      limits: {
        eventsPerSecond: 500,
        bytesPerSecond: 2 * 1024 ** 2,
        requestsPerSecond: 300,
        activitiesPerSecond: 0,
      },
      batch: { maxEvents: 2000, maxBytes: 512 * 1024, lingerMs: 50 },
      budget: { cap: false },
      retentionMs: 2 * 86_400_000,
      warehouse: { kind: 'parquet', windowMs: 10_000, retentionMs: 400 * 24 * 60 * 60 * 1000 },
      aggregates: {
        late_departures: {
          on: ['flight.departed'],
          when: 'event.data.delay_minutes >= 30',
          op: 'count',
          windowMs: 86_400_000,
        },
        worst: {
          on: ['flight.departed', 'flight.arrived'],
          op: 'max',
          value: 'event.data.delay_minutes',
          windowMs: 7 * 86_400_000,
        },
      },
      rules: [
        {
          name: 'swap_aircraft',
          on: ['flight.departed'],
          when: 'event.data.delay_minutes >= 30 && aggregates.late_departures >= 3',
        },
      ],
      subscriptions: [],
      routes: [],
      schemas: [],
      sources: [],
    });
  });

  it('fills in the defaults', () => {
    assert.deepEqual(parseTenantConfig('tenant: UA', 'UA.yaml'), {
      tenant: 'UA',
      isolation: 'pooled',
      suspended: false,
      limits: {
        eventsPerSecond: 5000,
        bytesPerSecond: 5 * 1024 ** 2,
        requestsPerSecond: 1_000,
        activitiesPerSecond: 200,
      },
      batch: { maxEvents: 10_000, maxBytes: 8 * 1024 ** 2, lingerMs: 20 },
      budget: { cap: false },
      retentionMs: 7 * 86_400_000,
      warehouse: { kind: 'parquet', windowMs: 5000 },
      aggregates: {},
      rules: [],
      subscriptions: [],
      routes: [],
      schemas: [],
      sources: [],
    });
  });

  it('fills in the defaults of a warehouse in BigQuery', () => {
    const yaml = 'tenant: U-A\nwarehouse: { kind: bigquery, project: pro-ject, location: EU }';
    assert.deepEqual(parseTenantConfig(yaml, 'U-A.yaml').warehouse, {
      kind: 'bigquery',
      project: 'pro-ject',
      dataset: 'headgate_U_A',
      location: 'EU',
      labels: {},
      writer: 'load-jobs',
      windowMs: 300_000,
    });
  });

  it('fills in the defaults of subscriptions', () => {
    const yaml = `
tenant: UA
subscriptions:
  - { name: hook, kind: push, url: 'https://crm.example', secret: env:HEADGATE_SECRET_UA__A, secrets: [env:HEADGATE_SECRET_UA__B] }
  - { name: queue, kind: pull }
  - { name: flow, kind: workflow, workflow: '"w"', taskQueue: '"own.UA"', id: '"i"', signal: '"s"', limits: { eventsPerSecond: 9 }, retention: 2 days }
`;
    const [minute, hour] = [60_000, 3_600_000];
    const hours = [2, 5, 10, 14, 20, 24].map((each) => each * hour);
    const retry = { scheduleMs: [5_000, 5 * minute, 30 * minute, ...hours] };
    assert.deepEqual(parseTenantConfig(yaml, 'UA.yaml').subscriptions, [
      {
        kind: 'push',
        name: 'hook',
        url: 'https://crm.example',
        secrets: ['env:HEADGATE_SECRET_UA__A', 'env:HEADGATE_SECRET_UA__B'],
        limits: { activitiesPerSecond: 50 },
        headers: {},
        format: 'event',
        maxEvents: 100,
        timeoutMs: 15_000,
        maxConcurrency: 32,
        retry,
        disableAfterFailures: 100,
      },
      {
        kind: 'pull',
        name: 'queue',
        limits: { activitiesPerSecond: 50 },
        ackDeadlineMs: minute,
        maxAttempts: 5,
      },
      {
        kind: 'workflow',
        name: 'flow',
        limits: { eventsPerSecond: 9, activitiesPerSecond: 50 },
        retentionMs: 48 * hour,
        workflow: '"w"',
        taskQueue: '"own.UA"',
        id: '"i"',
        signal: '"s"',
        maxConcurrency: 32,
        retry,
      },
    ]);
  });

  it('takes shorter windows for the Storage Write API', () => {
    const warehouse = (rest: string) =>
      parseTenantConfig(
        `tenant: UA\nwarehouse: { kind: bigquery, project: pro-ject, location: EU, writer: storage-write${rest} }`,
        'UA.yaml',
      ).warehouse;
    assert.equal(warehouse('').windowMs, 10_000);
    assert.equal(warehouse(', window: 1s').windowMs, 1_000);
  });

  it('takes what BigQuery takes for labels, expirations and endpoints', () => {
    const warehouse = (rest: string) =>
      parseTenantConfig(
        `tenant: UA\nwarehouse: { kind: bigquery, project: pro-ject, location: europe-west3, ${rest} }`,
        'UA.yaml',
      ).warehouse as unknown as Record<string, unknown>;
    assert.deepEqual(warehouse('labels: { größe: sehr_groß, 部署: データ, team: "" }').labels, {
      größe: 'sehr_groß',
      部署: 'データ',
      team: '',
    });
    assert.equal(warehouse('partitionExpiration: 400d').partitionExpirationMs, 34_560_000_000);
    assert.equal(warehouse('partitionExpiration: never').partitionExpirationMs, 'never');
    assert.equal(warehouse('endpoint: regional').endpoint, 'regional');
  });

  it('takes promoted fields apart, of either kind of warehouse and of either stream', () => {
    const fields = `promote:
    - { field: delay.minutes, type: integer }
    - { field: delay.minutes, type: text, column: delay_text }
    - { field: '"odd.key"."it''s \\"x\\"".Größe', type: number, column: odd }
    - { field: delay.minutes, type: number, stream: user-properties }`;
    const promoted = [
      { column: 'delay_minutes', path: ['delay', 'minutes'], type: 'integer', stream: 'events' },
      { column: 'delay_text', path: ['delay', 'minutes'], type: 'text', stream: 'events' },
      { column: 'odd', path: ['odd.key', `it's "x"`, 'Größe'], type: 'number', stream: 'events' },
      { column: 'delay_minutes', path: ['delay', 'minutes'], type: 'number', stream: 'user-properties' },
    ];
    for (const kind of ['kind: parquet', 'kind: bigquery\n  project: pro-ject\n  location: EU']) {
      const yaml = `tenant: UA\nwarehouse:\n  ${kind}\n  ${fields}\n`;
      assert.deepEqual(parseTenantConfig(yaml, 'UA.yaml').warehouse.promote, promoted);
    }
  });

  const rule = (rest: string) => `tenant: UA\nrules:\n  - { name: r, on: [a], ${rest} }\n`;
  const subscription = (fields: string) => `tenant: UA\nsubscriptions: [{ name: crm, ${fields} }]`;
  const schema = (rest: string) => `tenant: UA\nschemas: [{ type: a, ${rest} }]`;
  const aggregate = (rest: string) => `tenant: UA\naggregates:\n  x: { on: [a], ${rest} }\n`;
  const bigQuery = (rest: string) => `tenant: UA\nwarehouse: { kind: bigquery, project: pro-ject, ${rest} }`;
  const promote = (fields: string) => `tenant: UA\nwarehouse: { promote: [${fields}] }`;
  const refused: [text: string, needle: string, message: RegExp][] = [
    ['', '', /the file must be a map/],
    ['- a', '- a', /the file must be a map/],
    ['isolation: pooled', 'isolation', /the file needs "tenant"/],
    ['tenant: UA\nlimts: {}', 'limts', /unknown key "limts"; did you mean "limits"\?/],
    ['tenant: UA\nlimits: { eventsPerSec: 5 }', 'eventsPerSec', /did you mean "eventsPerSecond"/],
    ['tenant: UA\nsinks: []', 'sinks', /unknown key "sinks"; known are tenant,/],
    ['tenant: UA\nroutes: {}', '{}', /routes must be a list/],
    // What begins a workflow id of Headgate's or Temporal's own; Postgres and SQLite compare some ids without their case.
    ...['batch', 'load', 'deliver', 'dead-letter', 'redrive', 'replay', 'own', 'temporal-sys', 'Load'].map(
      (tenant): [string, string, RegExp] => [
        `isolation: pooled\ntenant: ${tenant}`,
        tenant,
        /^tenant: no tenant may be called "[\w-]+": workflow ids of Headgate or Temporal begin with it/,
      ],
    ),
    [subscription('kind: push'), '{ name', /subscriptions.0 needs "url"/],
    [subscription('kind: mail'), 'mail', /must be one of push, pull, workflow/],
    [subscription('kind: pull, ackDeadlin: 1m'), 'ackDeadlin', /did you mean "ackDeadline"/],
    [subscription('kind: pull, ackDeadline: 9s'), '9s', /must be from 10s to 10m/],
    [subscription('kind: push, url: "ftp://x"'), '"ftp', /must be an http or https address/],
    [
      subscription('kind: push, url: "http://x", secret: hunter2'),
      'hunter2',
      /must be secret:NAME, env:HEADGATE_SECRET_<TENANT>__NAME/,
    ],
    [
      subscription('kind: push, url: "http://x", secret: env:AWS_SECRET_ACCESS_KEY'),
      'env:AWS',
      /no variable that begins otherwise than with HEADGATE_SECRET_ can be referred to/,
    ],
    [
      subscription('kind: push, url: "http://x", headers: { Authorization: env:HEADGATE_TOKEN }'),
      'env:HEADGATE_TOKEN',
      /^subscriptions.0.headers.Authorization must be secret:NAME, env:HEADGATE_SECRET_<TENANT>__NAME/,
    ],
    [
      subscription('kind: push, url: "https://x:99999/hook"'),
      '"https',
      /^subscriptions.0.url: the url of the subscription "crm" is not an address/,
    ],
    [subscription('kind: push, url: "https://[::1/"'), '"https', /the subscription "crm" is not an address/],
    ['tenant: UA\nsubscriptions: [{ name: warehouse, kind: pull }]', 'warehouse', /must be a name/],
    [
      'tenant: UA\nsubscriptions: [{ name: ingest, kind: pull }]',
      'ingest',
      /must be a name .* not .*"ingest"/,
    ],
    [schema('mode: warn'), '{ type', /schemas.0 needs "schema"/],
    [schema('schema: {}, mode: reject'), 'reject', /must be one of enforce, warn, off/],
    [schema('schema: true'), 'true', /schemas.0.schema must be a map/],
    [schema('schema: {}, dataschma: x'), 'dataschma', /did you mean "dataschema"/],
    [
      schema('schema: { properties: { n: { type: numbr } } }'),
      'numbr',
      /^schemas.0.schema.properties.n.type: must be equal to one of the allowed values$/,
    ],
    [schema('mode: off, schema: { reqired: [n] }'), '[n]', /reqired: .* did you mean "required"\?/],
    [schema('schema: { items: { pattern: "^(a+)+$" } }'), '"^(a', /regular expressions are not supported/],
    [
      schema('schema: {} }, { type: a, schema: {}'),
      '{ type: a, schema: {} }]',
      /another schema of this type/,
    ],
    ['tenant: UA\n__proto__: { x: 1 }', '__proto__', /unknown key "__proto__"/],
    ['tenant: 1E3', '1E3', /must be text: YAML reads it as number 1000, put it in quotes/],
    ['tenant: true', 'true', /put it in quotes/],
    ['tenant: ../etc', '../etc', /a tenant id has/],
    ['tenant: UA\nisolation: shared', 'shared', /must be one of pooled, dedicated/],
    ['tenant: UA\nsuspended: "yes"', '"yes"', /must be true or false/],
    ['tenant: UA\nretention: 5', '5', /must be a duration such as/],
    ['tenant: UA\nretention: soon', 'soon', /must be a duration such as/],
    ['tenant: UA\nretention: 59m', '59m', /must be from 1h to 31 days/],
    ['tenant: UA\nretention: 32 days', '32 days', /must be from 1h to 31 days/],
    ['tenant: UA\nwarehouse: { window: 2h }', '2h', /must be from 1s to 1h/],
    [
      'tenant: UA\nwarehouse: { retention: 8d }',
      '8d',
      /must be at least 9 days: batches are kept for 7 days/,
    ],
    [
      'tenant: UA\nretention: 31 days\nwarehouse: { retention: 32 days }',
      '32 days',
      /must be at least 33 days: batches are kept for 31 days/,
    ],
    ['tenant: UA\nwarehouse: { retention: never }', 'never', /duration/],
    ['tenant: UA\nwarehouse: { kind: snow }', 'snow', /must be one of parquet, bigquery/],
    ['tenant: UA\nwarehouse: { project: pro-ject }', 'project', /unknown key "project"/],
    [bigQuery(''), '{ kind', /needs "location"/],
    [bigQuery('location: EU, window: 5s'), '5s', /must be from 1m to 1h/],
    [bigQuery('location: EU, writer: load-jobs, window: 59s'), '59s', /must be from 1m to 1h/],
    [bigQuery('location: EU, writer: storage-write, window: 500ms'), '500ms', /must be from 1s to 1h/],
    [bigQuery('location: EU, writer: insert-all'), 'insert-all', /must be one of load-jobs, storage-write/],
    [bigQuery('location: EU, writter: load-jobs'), 'writter', /did you mean "writer"/],
    [bigQuery('location: eu'), 'eu', /must be a location of BigQuery/],
    [bigQuery('location: EU, dataset: a-b'), 'a-b', /must be a dataset's name/],
    [bigQuery('location: EU, labels: { team: A }'), 'A }', /must be a label's value/],
    [bigQuery('location: EU, labels: { Team: a }'), 'Team', /"Team" must be a name/],
    [bigQuery('location: EU, labels: { team: Größe }'), 'Gr', /must be a label's value/],
    [bigQuery('location: EU, partitionExpiration: ever'), 'ever', /must be a duration/],
    [bigQuery('location: EU, partitionExpiration: 1h'), '1h', /must be from 1 day to 3650 days/],
    [bigQuery('endpoint: regional, location: EU'), 'EU', /must be a region, such as europe-west3/],
    [bigQuery('endpoint: near, location: EU'), 'near', /must be one of global, regional/],
    [bigQuery('location: EU, kmsKey: k'), 'k }', /must be projects/],
    [bigQuery('location: EU, impersonate: me@home'), 'me@', /must be a service account's address/],
    [promote('{ field: a..b, type: text }'), 'a..b', /promote.0.field: must be up to 10 keys/],
    [promote('{ field: a., type: text }'), 'a.', /must be up to 10 keys/],
    [promote('{ field: "\\"a", type: text }'), '"\\"a"', /must be up to 10 keys/],
    [promote('{ field: a.b.c.d.e.f.g.h.i.j.k, type: text }'), 'a.b', /must be up to 10 keys/],
    [promote('{ field: a, type: float }'), 'float', /must be one of text, integer, number, boolean, time/],
    [promote('{ field: a }'), '{ field', /needs "type"/],
    [promote('{ field: a, type: text, stream: decisions }'), 'decisions', /must be one of events, user-prop/],
    [
      promote('{ field: delayMinutes, type: text }'),
      '{ field',
      /"delayMinutes", from the field's keys, is no col/,
    ],
    [promote('{ field: a, type: text, column: _a }'), '_a', /a column has 1 to 63 small letters/],
    [
      promote('{ field: a, type: text, column: load_id }'),
      'load_id',
      /"load_id" is a column that Headgate has/,
    ],
    [promote('{ field: type, type: text }'), '{ field', /"type" is a column .* give type another/],
    [
      promote('{ field: a.b, type: text }, { field: c, type: text, column: a_b }'),
      'a_b',
      /promote.1.column: there is another promoted field in the column a_b/,
    ],
    [bigQuery('location: EU, promote: [{ field: "", type: text }]'), '""', /fewer than 1 char/],
    ['tenant: UA\nbatch: { linger: 11s }', '11s', /must be from 1ms to 10s/],
    ['tenant: UA\nbatch: { maxBytes: 12abc }', '12abc', /must be a size such as/],
    ['tenant: UA\nbatch: { maxBytes: 1TB }', '1TB', /must be a size such as/],
    ['tenant: UA\nbatch: { maxBytes: 65MB }', '65MB', /must be from 1KB to 64MB/],
    ['tenant: UA\nbatch: { maxEvents: 0 }', '0', /must be >= 1/],
    ['tenant: UA\nbatch: { maxEvents: 1.5 }', '1.5', /must be a whole number/],
    ['tenant: UA\nrules: {}', '{}', /rules must be a list/],
    [
      'tenant: UA\nrules: [{ name: r, on: [headgate.decision.changed], when: "true" }]',
      'headgate.',
      /rules.0.on.0 must not begin with "headgate."/,
    ],
    ['tenant: UA\nrules: [~]', '~', /rules.0 must be a map/],
    [rule('when: "true", then: x'), 'then', /unknown key "then"; did you mean "when"/],
    ['tenant: UA\nrules:\n  - { name: Rule, on: [a], when: "true" }', 'Rule', /that starts with a letter$/],
    ['tenant: UA\nrules:\n  - { name: r, on: [], when: "true" }', '[]', /fewer than 1 item/],
    ['tenant: UA\nrules:\n  - { name: r, on: [a] }', '{ name', /rules.0 needs "when"/],
    [
      'tenant: UA\naggregates: { constructor: { on: [a], op: count, window: 1h } }',
      'constructor',
      /"constructor" must not be "constructor": every JavaScript object has one/,
    ],
    [aggregate('op: median, window: 1h'), 'median', /must be one of count, sum, min, max, last/],
    [aggregate('op: count, window: 32 days'), '32 days', /must be from 1s to 31 days/],
    [aggregate('op: sum, window: 1h'), '{ on', /needs a "value"/],
    ['tenant: UA\ntenant: UB', 'tenant: UB', /unique/i],
    ['tenant: [UA', '', /./],
    ['tenant: !odd UA', '!odd', /Unresolved tag/],
  ];
  for (const [text, needle, message] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const [issue, ...more] = issuesOf(text);
      assert.deepEqual(more, []);
      assert.match(issue!.message, message);
      if (needle !== '') assert.deepEqual([issue!.line, issue!.column], placeOf(text, needle));
    });
  }

  it('takes a hundred rules and more that share one anchor', () => {
    const rules = Array.from({ length: 300 }, (_, i) => `  - { name: r${i}, on: [a], when: *w }`);
    const text = `tenant: UA\nrules:\n  - { name: r, on: [a], when: &w event.data.n == 1 }\n${rules.join('\n')}\n`;
    const config = parseTenantConfig(text, 'UA.yaml');
    assert.deepEqual([config.rules.length, config.rules[300]?.when], [301, 'event.data.n == 1']);
  });

  it('refuses an anchor that stands within itself', () => {
    refusal('tenant: UA\nrules: &a [*a]\n');
  });

  it('refuses an alias bomb', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`,
    );
    assert.match(refusal(`l0: &l0 [x, x]\n${levels.join('\n')}\n`).message, /alias/i);
  });

  it('refuses nesting without end', () => {
    refusal('['.repeat(50_000));
  });

  it('reports all problems of form and of rules together, in the order of the file', () => {
    const text = [
      'tenant: UA',
      'retention: never',
      'aggregates:',
      '  broken: { on: [a], op: count }',
      'rules:',
      '  - { name: one, on: [a], when: "aggregates.broken > 1 && event.x = 1" }',
      '  - { name: two, on: [a], wen: "true" }',
      '  - { name: three, on: [a], when: "foo" }',
    ].join('\n');
    const error = refusal(text);
    const issues = error.details!.issues as ConfigIssue[];
    const places = ['never', '{ on: [a], op: count }', '= 1', '{ name: two', 'wen', 'foo'];
    assert.deepEqual(
      issues.map(({ line, column }) => [line, column]),
      places.map((needle) => placeOf(text, needle)),
    );
    assert.deepEqual(
      error.message.split('\n'),
      issues.map(({ line, column, message }) => `UA.yaml:${line}:${column}: ${message}`),
    );
  });

  describe('places of problems in expressions', () => {
    // Each has its mistake at the word `oops`.
    const expressions: [style: string, yaml: string][] = [
      ['plain', 'when: event.data.n > 3 && oops'],
      ['single-quoted', "when: 'event.data.n > 3 && oops'"],
      ['single-quoted with quotes', "when: 'event.type == ''a'' && oops'"],
      ['double-quoted', 'when: "event.data.n > 3 && oops"'],
      [
        'double-quoted with escapes',
        'when: "event.type == \\"a\\\\n\\" &&\\t\\u0065vent.x == \\"\\U0001F600\\" && oops"',
      ],
      ['anchored', 'when: &w event.data.n > 3 && oops'],
      ['plain over lines', 'when: event.data.n > 3 &&\n      event.data.m > 1 &&\n\n      oops'],
      ['single-quoted over lines', "when: 'event.data.n > 3 &&\n      event.type == ''x'' && oops'"],
      ['double-quoted over lines', 'when: "event.data.n > 3 && \\\n      oops"'],
      ['literal block', 'when: |\n      event.data.n > 3 &&\n        event.data.m > 1 &&\n      oops'],
      ['folded block', 'when: >-  # why\n      event.data.n > 3 &&\n\n      event.data.m > 1 && oops\n'],
    ];
    for (const [style, yaml] of expressions) {
      it(style, () => {
        const text = `# a comment with 😀\ntenant: UA\nrules:\n  - name: r\n    on: [a]\n    ${yaml}\n`;
        const [issue, ...more] = issuesOf(text);
        assert.deepEqual(more, []);
        assert.match(issue!.message, /rules\.0\.when: Unknown variable: oops/);
        assert.deepEqual([issue!.line, issue!.column], placeOf(text, 'oops'));
      });
    }

    it('the end of an expression that stops short', () => {
      const text = rule("when: 'event.x >'");
      const [line, column] = placeOf(text, "'event.x >'");
      assert.deepEqual(
        issuesOf(text).map((issue) => [issue.line, issue.column]),
        [[line, column + "'event.x >".length]],
      );
    });

    it('an undeclared aggregate, and an expression behind an alias', () => {
      const text =
        'tenant: UA\nrules:\n  - { name: r, on: [a], when: &w aggregates.oops > 1 }\n  - { name: s, on: [a], when: *w }\n';
      assert.deepEqual(
        issuesOf(text).map(({ line, column }) => [line, column]),
        [placeOf(text, 'oops'), placeOf(text, 'oops')],
      );
    });
  });
});

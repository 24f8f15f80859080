/**
 * Records histories of the workflows' main paths into test/histories, for test/workflows/replay.test.ts: the workflows
 * as built, on a real Temporal server, over activities that answer as theirs do and touch nothing.
 *
 * Records what is not there yet, and leaves the rest alone: a history of an older version is what shows that a change
 * of a workflow can carry on what that version began. `--again` records all anew, which is right only for workflows
 * that have run nowhere.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main, ROOT } from './setup.mjs';

const HISTORIES = join(ROOT, 'test', 'histories');
/** In place of process id and host name, which say who recorded it. */
const IDENTITY = 'headgate';
const TENANT = 'acme';
const POOL = 'pool.0';
const STATE = 'headgate.state.0123abcd';
/** No process has it. */
const AWAY = 'headgate.state.ffffffff';

let sequence = 0;

function reference({ stream = 'events', bytes = 5_000 } = {}) {
  sequence += 1;
  const batchId = `20240310-0123abcd-${sequence.toString(36).padStart(9, '0')}`;
  return { tenant: TENANT, stream, batchId, events: 100, bytes, sha256: 'ab'.repeat(32) };
}

const contents = { types: ['flight.arrived'], firstEvent: 'first', lastEvent: 'last' };
const announced = async () => ({
  workflowId: `load/${TENANT}/20240310T120000.000Z`,
  runId: '01234567-89ab-7def-8123-456789abcdef',
});

/** What was decided at ingest on a batch of events; nothing is on one of user properties. */
function decidedOn(batch) {
  if (batch.stream !== 'events') return { evaluated: 0, eligible: {} };
  return { evaluated: batch.events, eligible: { late: 3 }, decisions: { ...batch, stream: 'decisions' } };
}

/** One load for each stream that is among the batches. */
const loaded = async ({ window, batches }) =>
  [...new Set(batches.map(({ stream }) => stream))].map((stream) => {
    const held = batches.filter((batch) => batch.stream === stream).map(({ batchId }) => batchId);
    return {
      stream,
      loadId: `${window}-0123456789abcdef`,
      rows: 100 * held.length,
      bytes: 4_000,
      loaded: held,
      alreadyHeld: [],
      file: `${stream}/day=2024-03-10/${window}-0123456789abcdef.parquet`,
    };
  });

/** Fails the first `times` times it is called. */
function failing(times, activity) {
  let calls = 0;
  return async (input) => {
    calls += 1;
    if (calls <= times) throw new Error('a hiccup');
    return activity(input);
  };
}

const counted = {
  batches: 2,
  events: 200,
  matched: 300,
  deliveries: 4,
  decisions: 0,
  skipped: 0,
  bytes: 10_000,
};

/** Pages of a replay, the last of which has no cursor. */
function pages(count) {
  let page = 0;
  return async () => {
    page += 1;
    const { stream, batchId } = reference();
    return page < count ? { counts: counted, cursor: { stream, batchId } } : { counts: counted };
  };
}

const dead = { reason: 'attempts-exhausted', detail: 'HTTP 500', attempts: 10, lines: '/wE=', count: 8 };

/** The results of a delivery's passes. */
function passes(...results) {
  return async () => results.shift();
}

/** Two pages of dead letters. */
function resolving() {
  const letter = (n) => ({ workflowId: `dead-letter/${TENANT}/crm/${n}`, count: 50 });
  return {
    countDeadLetters: async () => ({ deadLetters: 3, events: 150 }),
    findDeadLetters: async ({ pageToken }) =>
      pageToken === undefined
        ? { found: [letter(1), letter(2)], pageToken: 'bmV4dA==' }
        : { found: [letter(3)] },
    signalDeadLetters: async () => undefined,
  };
}

/** The paths: what each workflow is given, and how its activities answer. */
const PATHS = {
  'ingest-batch-fast-lane': { activities: { announce: announced } },
  'ingest-batch-without-decisions': { stream: 'user-properties', activities: { announce: announced } },
  'ingest-batch-slow-lane': { activities: { announce: failing(2, announced) } },
  'ingest-batch-slow-lane-retried': { activities: { announce: failing(3, announced) } },
  'load-window-one-load': { announce: 2, activities: { loadBatches: loaded } },
  'load-window-several-streams': {
    announce: 2,
    streams: ['events', 'decisions', 'user-properties'],
    activities: { loadBatches: loaded },
  },
  'load-window-two-loads': { announce: 1, during: 1, activities: { loadBatches: loaded } },
  'load-window-large-loads': {
    announce: 2,
    during: 1,
    full: { batches: 2, bytes: 536_870_912 },
    windowMs: 2_000,
    activities: { loadBatches: loaded },
  },
  'load-window-full': {
    announce: 2,
    bytes: 40_000_000,
    windowMs: 3_600_000,
    activities: { loadBatches: loaded },
  },
  reload: { activities: { announceKept: async () => ({ batches: 3, rows: 30, unreadable: 0 }) } },
  'replay-pages': {
    task: { kind: 'deliver' },
    activities: { replayPage: pages(3) },
  },
  'replay-dry-run': {
    task: { kind: 'deliver' },
    dryRun: true,
    activities: {
      redecide: async () => ({ ...counted, dryRun: true, rules: [], wouldDeliver: [], notes: [] }),
    },
  },
  'replay-decide-retried': {
    task: { kind: 'decide' },
    activities: { redecide: failing(1, async () => ({ ...counted, dryRun: false, rules: [], notes: [] })) },
  },
  'replay-apply-current': {
    task: { kind: 'decide', applyCurrent: true },
    stateQueue: STATE,
    activities: {
      redecide: async () => ({
        ...counted,
        dryRun: false,
        rules: [],
        notes: [],
        applied: { madeCurrent: 90, alreadyCurrent: 0, older: 10, ruleChanged: 0 },
      }),
    },
  },
  'replay-waits-for-spool': {
    task: { kind: 'deliver' },
    spools: [{ node: '0123abcd', queue: STATE }],
    activities: { awaitBatched: failing(1, async () => ({ events: 0 })), replayPage: pages(2) },
  },
  'replay-without-spool': {
    task: { kind: 'decide' },
    spools: [
      { node: '0123abcd', queue: STATE },
      { node: 'ffffffff', queue: AWAY },
    ],
    activities: {
      awaitBatched: async () => ({ events: 50, oldestReceipt: '2024-03-10T11:59:59.000Z' }),
      redecide: async () => ({ ...counted, dryRun: false, rules: [], notes: [] }),
    },
  },
  'deliver-in-two-passes': {
    activities: {
      pushPass: passes(
        {
          delivered: 90,
          failed: 10,
          pending: [{ attempts: 1, lines: 'AwA=', count: 2 }],
          retryAfterMs: 10,
          dead: [dead],
        },
        { delivered: 2, failed: 0, pending: [], dead: [] },
      ),
      park: async () => `dead-letter/${TENANT}/crm/20240310-0123abcd-000000001/attempts-exhausted.1`,
    },
  },
  'dead-letter-redriven': {
    signal: 'redrive',
    activities: { pushPass: passes({ delivered: 8, failed: 0, pending: [], dead: [] }) },
  },
  'dead-letter-discarded': { signal: 'discard', activities: {} },
  'dead-letter-restarted': {
    signal: 'redrive',
    of: { subscription: 'ingest', kind: 'ingest' },
    because: 'start-refused',
    activities: {
      restartBatch: async () => ({ delivered: 100, deadLettered: 0, passes: 1, deadLetters: [] }),
    },
  },
  'dead-letter-damaged': {
    signal: 'discard',
    of: { subscription: 'ingest', kind: 'ingest' },
    because: 'spool-damaged',
    passedOver: 'redrive',
    activities: {},
  },
  'resolve-dead-letters-pages': { activities: resolving() },
  'resolve-dead-letters-cancelled': { eventsPerSecond: 1, activities: resolving() },
  'load-window-load-retried': { announce: 1, activities: { loadBatches: failing(1, loaded) } },
};

async function runIngestBatch(client, path) {
  const batch = reference(path);
  const input = { batch, contents, decided: decidedOn(batch), activityQueue: `tenant.${TENANT}` };
  const options = { workflowId: `batch/${randomUUID()}`, taskQueue: POOL, args: [input] };
  const handle = await client.workflow.start('ingestBatch', options);
  await handle.result();
  return handle;
}

async function runReload(client) {
  const input = { tenant: TENANT, activityQueue: `tenant.${TENANT}`, from: '2024-03-10' };
  const options = { workflowId: `reload/${randomUUID()}`, taskQueue: POOL, args: [input] };
  const handle = await client.workflow.start('reload', options);
  await handle.result();
  return handle;
}

async function runLoadWindow(client, path) {
  const { announce, during = 0, streams = ['events'], windowMs = 500, full, activities } = path;
  const workflowId = `load/${randomUUID()}`;
  const window = '20240310T120000.000Z';
  const times = { window, closesAt: Date.now() + windowMs };
  const input = { tenant: TENANT, ...times, activityQueue: `tenant.${TENANT}`, ...(full && { full }) };
  const options = { workflowId, taskQueue: POOL, args: [input], signal: 'announce' };
  const signal = () => {
    const batches = streams.map((stream) => reference({ ...path, stream }));
    return client.workflow.signalWithStart('loadWindow', { ...options, signalArgs: [batches] });
  };
  const { loadBatches } = activities;
  activities.loadBatches = async (load) => {
    activities.loadBatches = loadBatches;
    for (let count = 0; count < during; count += 1) await signal();
    return loadBatches(load);
  };
  for (let count = 0; count < announce; count += 1) await signal();
  const handle = client.workflow.getHandle(workflowId);
  await handle.result();
  return handle;
}

async function runReplay(client, { task, dryRun = false, stateQueue, spools }) {
  const replayId = '20240310t120000-0123abcd';
  const range = { from: 0, to: Date.UTC(2024, 2, 10), by: 'receipt' };
  const input = {
    tenant: TENANT,
    replayId,
    range,
    task,
    version: '0123456789ab',
    dryRun,
    eventsPerSecond: 5_000,
    activityQueue: `tenant.${TENANT}`,
    requestedAt: Date.now(),
    ...(stateQueue && { stateQueue }),
    ...(spools && { spools, spoolWaitMs: 1_000 }),
  };
  const options = { workflowId: `replay/${randomUUID()}`, taskQueue: POOL, args: [input] };
  const handle = await client.workflow.start('replay', options);
  await handle.result();
  return handle;
}

function delivery() {
  return {
    tenant: TENANT,
    subscription: 'crm',
    kind: 'push',
    batch: reference(),
    priority: 'normal',
    // Both are one here: a Worker more would change nothing.
    queue: `tenant.${TENANT}`,
    activityQueue: `tenant.${TENANT}`,
    expiresAt: Date.now() + 86_400_000,
  };
}

async function runDeliver(client) {
  const options = {
    workflowId: `deliver/${randomUUID()}`,
    taskQueue: POOL,
    args: [{ ...delivery(), count: 100 }],
  };
  const handle = await client.workflow.start('deliver', options);
  await handle.result();
  return handle;
}

async function runDeadLetter(client, { signal, passedOver, of = {}, because = dead.reason }) {
  const { subscriptionAttributes } = await import('../dist/tenants/search-attributes.js');
  const input = {
    delivery: { ...delivery(), ...of },
    dead: { ...dead, reason: because },
    passes: 10,
    part: 0,
    parkedAt: Date.now(),
  };
  const handle = await client.workflow.start('deadLetter', {
    workflowId: `dead-letter/${randomUUID()}`,
    taskQueue: POOL,
    args: [input],
    typedSearchAttributes: subscriptionAttributes(TENANT, 'crm', 'events', 'dead-letter'),
  });
  if (passedOver !== undefined) {
    await handle.signal(passedOver, { actor: 'ops@example.com' });
    // In a task of its own.
    await handle.query('resolution');
  }
  await handle.signal(signal, { actor: 'ops@example.com', reason: 'fixed' });
  await handle.result();
  return handle;
}

async function runResolve(client, { eventsPerSecond = 100_000 }) {
  const input = {
    tenant: TENANT,
    activityQueue: `tenant.${TENANT}`,
    outcome: 'redriven',
    filter: { to: Date.now() },
    by: { actor: 'ops@example.com' },
    eventsPerSecond,
  };
  const options = { workflowId: `redrive/${randomUUID()}`, taskQueue: POOL, args: [input] };
  const handle = await client.workflow.start('resolveDeadLetters', options);
  if (eventsPerSecond === 1) {
    while ((await handle.query('progress')).done === 0);
    await handle.cancel();
  }
  await handle.result();
  return handle;
}

function runnerOf(name) {
  if (name.startsWith('deliver')) return runDeliver;
  if (name.startsWith('dead-letter')) return runDeadLetter;
  if (name.startsWith('resolve')) return runResolve;
  if (name === 'reload') return runReload;
  if (name.startsWith('load')) return runLoadWindow;
  return name.startsWith('replay') ? runReplay : runIngestBatch;
}

const ACTIVITIES = [
  'announce',
  'loadBatches',
  'replayPage',
  'redecide',
  'pushPass',
  'park',
  'restartBatch',
  'countDeadLetters',
  'findDeadLetters',
  'signalDeadLetters',
  'awaitBatched',
  'announceKept',
];

/** Runs one path after the other on the same Workers, and gives each one's history to `save`. */
async function record(names, { connection, client, Worker, save }) {
  let path;
  const activities = Object.fromEntries(
    ACTIVITIES.map((name) => [name, (input) => path.activities[name](input)]),
  );
  const shared = { connection, identity: IDENTITY, activities };
  const pool = await Worker.create({
    ...shared,
    taskQueue: POOL,
    enableNonLocalActivities: false,
    workflowBundle: { codePath: join(ROOT, 'dist', 'workflow-bundle.js') },
  });
  const tenant = await Worker.create({ ...shared, taskQueue: `tenant.${TENANT}` });
  const state = await Worker.create({ ...shared, taskQueue: STATE });
  const all = async () => {
    for (const name of names) {
      path = PATHS[name];
      const handle = await runnerOf(name)(client, path);
      save(name, await handle.fetchHistory());
    }
  };
  await pool.runUntil(tenant.runUntil(state.runUntil(all())));
}

/**
 * As proto3 JSON, the form of the Temporal CLI and UI. The SDK's own `historyToJSON` works only where npm has installed
 * protobufjs once; asked of the package that has the types, it works wherever it is.
 */
function historyToJson(history) {
  const require = createRequire(import.meta.url);
  const proto = require('@temporalio/proto');
  const { patchProtobufRoot } = require('@temporalio/proto/lib/patch-protobuf-root');
  const { toJson } = createRequire(require.resolve('@temporalio/proto'))('protobufjs/ext/protojson');
  const { History } = proto.temporal.api.history.v1;
  const type = patchProtobufRoot(proto).lookupType('temporal.api.history.v1.History');
  return toJson(type, History.fromObject(history));
}

/** Stack traces name the files of the machine that recorded them. */
function withoutTraces(value) {
  if (Array.isArray(value)) return value.map(withoutTraces);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([key]) => key !== 'stackTrace');
  return Object.fromEntries(members.map(([key, each]) => [key, withoutTraces(each)]));
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function startServer(folder) {
  const { loadConfig } = await import('../dist/config.js');
  const { ensureTemporalBinary } = await import('../dist/temporal/dev-server/find-server.js');
  const { startDevServer } = await import('../dist/temporal/dev-server/dev-server.js');
  const { temporalCli, path, cacheDir } = loadConfig();
  const binary = await ensureTemporalBinary({ env: { explicitPath: temporalCli, path }, cacheDir });
  const [port, uiPort] = [await freePort(), await freePort()];
  const files = { dbFile: join(folder, 'temporal.db'), logFile: join(folder, 'temporal.log') };
  const { SEARCH_ATTRIBUTES } = await import('../dist/tenants/search-attributes.js');
  const searchAttributes = Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword']));
  return startDevServer({ binary, ...files, port, uiPort, namespace: 'default', searchAttributes });
}

await main(async () => {
  const again = process.argv.includes('--again');
  const fileOf = (name) => join(HISTORIES, `${name}.json`);
  const names = Object.keys(PATHS).filter((name) => again || !existsSync(fileOf(name)));
  if (names.length === 0) {
    console.log('Every path has been recorded; --again records all anew.');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'headgate-histories-'));
  const server = await startServer(folder);
  const { DefaultLogger, NativeConnection, Runtime, Worker } = await import('@temporalio/worker');
  const { Client } = await import('@temporalio/client');
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address: server.address });
  try {
    const client = new Client({ connection, identity: IDENTITY });
    const save = (name, history) => {
      writeFileSync(fileOf(name), `${JSON.stringify(withoutTraces(historyToJson(history)), undefined, 1)}\n`);
      console.log(`${name}: ${history.events.length} events`);
    };
    await record(names, { connection, client, Worker, save });
  } finally {
    await connection.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

import assert from 'node:assert/strict';
import { createCrashNode, type CrashNode } from '../support/crash-node.js';
import { killAll, runHeadgate, sharedTemporal, spawnHeadgate } from '../support/headgate.js';
import { newStateUrl, usePostgres } from '../support/postgres.js';
import { until } from '../support/until.js';

const SOON_MS = 60_000;

describe('Headgate with its state on Postgres', function () {
  this.timeout(240_000);
  const server = usePostgres();
  let node: CrashNode;
  let url: string;

  beforeEach(async () => {
    url = newStateUrl(server());
    node = await createCrashNode('pg', {
      ...(await sharedTemporal()),
      HEADGATE_STATE: url,
      HEADGATE_SHUTDOWN_GRACE_SECONDS: '5',
    });
  });
  afterEach(async () => {
    await node.remove();
    await killAll();
  });

  it('killed again and again under load: loses nothing, doubles nothing, decides right', async () => {
    let running = await node.start();
    const load = node.load();
    // In the midst of a checkpoint, behind one, and wherever it is.
    for (const fault of ['checkpoint.before:2', 'checkpoint.after:2', undefined]) {
      const before = load.acknowledged();
      await until(() => assert.ok(load.acknowledged() >= before + 500), SOON_MS);
      await running.signal('SIGKILL');
      running = await node.start(fault === undefined ? {} : { HEADGATE_FAULT: fault });
      if (fault === undefined) continue;
      assert.equal((await running.finished).signal, 'SIGKILL', running.stderr.slice(-2_000));
      running = await node.start();
    }
    const before = load.acknowledged();
    await until(() => assert.ok(load.acknowledged() >= before + 500), SOON_MS);
    await load.finish();
    await node.drained();
    assert.equal((await node.stopped(running)).code, 0, running.stderr.slice(-5_000));
    running = await node.start();
    await node.drained();
  });

  it('goes on with what memory has while Postgres is away, tells the others when to come again, and loses nothing', async () => {
    const running = await node.start();
    const load = node.load();
    for (let time = 0; time < 2; time++) {
      const before = load.acknowledged();
      await until(() => assert.ok(load.acknowledged() >= before + 500), SOON_MS);
      await server().crash();
      const away = load.acknowledged();
      await until(() => assert.match(running.stderr, /CHECKPOINT_FAILED/), SOON_MS);
      await until(() => assert.ok(load.acknowledged() > away), SOON_MS);
      await server().start();
      const back = load.acknowledged();
      await until(() => assert.ok(load.acknowledged() >= back + 500), SOON_MS);
    }
    await load.finish();
    await node.drained();
    const unexpected = [...load.refusals.keys()].filter((each) => each !== '503 STATE_UNAVAILABLE');
    assert.deepEqual(unexpected, []);
    assert.equal((await node.stopped(running)).code, 0, running.stderr.slice(-5_000));
    assert.match(running.stderr, /STATE_STORE_BACK/);
  });

  it('answers 503 with Retry-After for a subject that it would have to read while Postgres is away', async () => {
    const running = await node.start();
    const load = node.load({}, node.workloads.slice(0, 1));
    await until(() => assert.ok(load.acknowledged() >= 200), SOON_MS);
    await load.finish();
    await server().crash();
    const late = node.load({}, node.workloads.slice(1));
    await until(() => assert.ok((late.refusals.get('503 STATE_UNAVAILABLE') ?? 0) > 0), SOON_MS);
    await server().start();
    await until(() => assert.ok(late.acknowledged() > 0), SOON_MS);
    await late.finish();
    await node.drained();
    assert.deepEqual([...late.refusals.keys()], ['503 STATE_UNAVAILABLE']);
    assert.equal((await node.stopped(running)).code, 0, running.stderr.slice(-5_000));
  });

  it('waits at its start for a server that is not there, and ends when it is told to', async () => {
    await server().crash();
    const waiting = spawnHeadgate(['start'], node.env);
    await waiting.logged(/STATE_STORE_AWAITED/);
    assert.equal((await waiting.signal('SIGTERM')).code, 0, waiting.stderr);
    const patient = spawnHeadgate(['start'], node.env);
    await patient.logged(/STATE_STORE_AWAITED/);
    await server().start();
    await patient.ready();
    assert.equal((await patient.signal('SIGTERM')).code, 0, patient.stderr);
  });

  it('is refused beside another process with the same state, which goes on; and never says a password', async () => {
    const running = await node.start();
    const secret = url.replace('headgate@', 'headgate:hush-hush@');
    const other = await createCrashNode('pg-other', { ...node.env, HEADGATE_STATE: secret });
    try {
      // Of a namespace of its own: with the first one's it would be refused for that.
      const own = { ...(await sharedTemporal()), HEADGATE_DATA_DIR: other.dataDir, HEADGATE_PORT: '0' };
      const refused = await runHeadgate(['api'], { ...node.env, HEADGATE_STATE: secret, ...own });
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /in use by another process/);
      assert.doesNotMatch(refused.stderr + refused.stdout, /hush-hush/);
      const load = node.load();
      await until(() => assert.ok(load.acknowledged() >= 200), SOON_MS);
      await load.finish();
      await node.drained();
      assert.equal((await node.stopped(running)).code, 0, running.stderr.slice(-5_000));
    } finally {
      await other.remove();
    }
  });
});

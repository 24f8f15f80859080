import assert from 'node:assert/strict';
import { cpSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { connectTemporal } from '../../src/temporal/connect.js';
import { OWNER_WORKFLOW, readNamespaceClaim } from '../../src/temporal/namespace-owner.js';
import { tryLockFile } from '../../src/platform/file-lock.js';
import { spoolLockPath } from '../../src/ingest/spool-lock.js';
import { openDataDirectory } from '../../src/roles/data-directory.js';
import { holdNamespace, type NamespaceHold } from '../../src/roles/hold-namespace.js';
import { claimNamespace, takeNamespaceOver, type Claimant } from '../../src/roles/namespace-claim.js';
import { dataPaths } from '../../src/roles/stores.js';
import { newNamespace, temporalAddress } from '../support/temporal.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

const IN_USE = { code: 'NAMESPACE_IN_USE' };
const STORE = '0000000000000001';

describe('the claim of a namespace', function () {
  this.timeout(30_000);
  const dir = useTempDir();
  let connection: NativeConnection;
  let client: Client;
  let namespace: string;
  const holds: NamespaceHold[] = [];

  before(async () => {
    connection = await connectTemporal({ address: temporalAddress() });
  });
  beforeEach(async () => {
    namespace = await newNamespace();
    client = new Client({ connection, namespace });
  });
  afterEach(() => {
    for (const hold of holds.splice(0)) hold.stop();
  });
  after(() => connection.close());

  async function claimant(name: string, more: Partial<Claimant> = {}): Promise<Claimant> {
    const directory = await openDataDirectory(join(dir(), name));
    return {
      namespace,
      directory,
      store: STORE,
      ownsSpool: true,
      mayShare: false,
      ownServer: false,
      ...more,
    };
  }

  const claim = (who: Claimant): Promise<void> => claimNamespace(client, who, { info: () => undefined });
  const owner = async () => (await readNamespaceClaim(client))?.owner;

  it('is had by one of many that start at once, and stays its', async () => {
    const all = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => claimant(name)));
    const outcomes = await Promise.allSettled(all.map(claim));
    const won = all.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    assert.equal(won.length, 1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.equal((outcome.reason as { code: string }).code, IN_USE.code);
    await claim(won[0] as Claimant);
    assert.equal((await owner())?.directory, won[0]?.directory.id);
  });

  it('is refused in one line that names the directory, the host and what to do', async () => {
    const first = await claimant('first');
    const second = await claimant('second');
    await claim(first);
    await assert.rejects(claim(second), (error: Error) => {
      for (const part of [namespace, first.directory.path, first.directory.host, second.directory.path])
        assert.ok(error.message.includes(part), part);
      assert.match(error.message, /TEMPORAL_NAMESPACE.*headgate namespace claim --force$/);
      assert.ok(!error.message.includes('\n'));
      return true;
    });
  });

  it('goes with a directory that is moved', async () => {
    await claim(await claimant('before'));
    renameSync(join(dir(), 'before'), join(dir(), 'after'));
    const moved = await claimant('after');
    await claim(moved);
    assert.equal((await owner())?.path, moved.directory.path);
  });

  it('is not a copy of the directory while its original is in use on this host, and is once that has ended', async () => {
    const original = await claimant('original');
    await claim(original);
    const lock = tryLockFile(spoolLockPath(dataPaths(original.directory.path).spool));
    assert.ok(lock);
    cpSync(join(dir(), 'original'), join(dir(), 'copy'), { recursive: true });
    const copy = await claimant('copy');
    assert.equal(copy.directory.id, original.directory.id);
    await assert.rejects(claim(copy), { ...IN_USE, message: /is a copy of .*original, which is in use/ });
    await assert.rejects(claim({ ...copy, ownsSpool: false }), IN_USE);
    // The same directory by another path, as a volume is in two containers, is no copy.
    await claim({
      ...original,
      directory: { ...original.directory, path: join(dir(), 'copy', '..', 'original') },
    });
    lock.release();
    await claim(copy);
    assert.equal((await owner())?.path, copy.directory.path);
  });

  it('may be shared by an API whose batches are in the same bucket, and by nobody with other batches', async () => {
    const api = await claimant('api', { mayShare: true });
    await claim(api);
    assert.equal(await owner(), undefined, 'its disk may not last: it claims nothing');
    await claim(await claimant('worker', { ownsSpool: false }));
    await claim(api);
    await claim({ ...api, store: undefined });
    await assert.rejects(claim({ ...api, store: '0000000000000002' }), IN_USE);
    await assert.rejects(claim({ ...api, mayShare: false }), IN_USE);
  });

  it('binds workers to the batch store of their node', async () => {
    const node = await claimant('node');
    await claim(node);
    await claim({ ...node, ownsSpool: false });
    const worker = { ...node, ownsSpool: false, store: '0000000000000002' };
    await assert.rejects(claim(worker), { ...IN_USE, message: /HEADGATE_BATCHES/ });
    await claim({ ...node, store: '0000000000000002' });
    await claim(worker);
  });

  it("is always the data directory's where the server is its own", async () => {
    await claim(await claimant('first'));
    const own = await claimant('own', { ownServer: true });
    await claim(own);
    assert.equal((await owner())?.directory, own.directory.id);
  });

  it('can be taken over by one of many from any owner', async () => {
    const first = await claimant('first');
    await claim(first);
    const takers = await Promise.all(['b', 'c', 'd'].map((name) => claimant(name)));
    const before = await Promise.all(takers.map((who) => takeNamespaceOver(client, who)));
    assert.ok(before.some((each) => each?.directory === first.directory.id));
    const last = (await owner())?.directory;
    assert.ok(takers.some(({ directory }) => directory.id === last));
    await assert.rejects(claim(first), IN_USE);
  });

  it('does not let what is in it reach a terminal as a command', async () => {
    await client.workflow.start(OWNER_WORKFLOW, {
      workflowId: OWNER_WORKFLOW,
      taskQueue: 'none',
      memo: { directory: 7, path: '/\u001b[2J\nx', host: '\u202e' },
    });
    await assert.rejects(claim(await claimant('a')), (error: Error) => {
      assert.ok(!/[\p{C}]/u.test(error.message), JSON.stringify(error.message));
      return true;
    });
  });

  describe('while a node runs', () => {
    async function hold(name: string, onFatal: (reason: string) => void): Promise<NamespaceHold> {
      const held = await holdNamespace({
        config: { dataDir: join(dir(), name) },
        roles: { api: true, worker: true },
        temporal: { connection, namespace, ownServer: false },
        identity: { id: () => Promise.resolve(STORE) },
        log: { info: () => undefined, warn: () => undefined, error: () => undefined },
        onFatal,
        lookEveryMs: 100,
      });
      holds.push(held);
      return held;
    }

    it('says which store batches are in, and ends the node when another takes the namespace over', async () => {
      const reasons: string[] = [];
      const { boundStore } = await hold('node', (reason) => reasons.push(reason));
      assert.equal(await boundStore(), STORE);
      const other = await claimant('other', { store: '0000000000000002' });
      await takeNamespaceOver(client, other);
      await until(() => assert.equal(reasons.length, 1), 5_000);
      assert.match(reasons[0] ?? '', /belongs to the data directory .*other.*\[NAMESPACE_IN_USE\]$/);
      assert.equal(await boundStore(), '0000000000000002');
    });

    it('ends it when a copy of its directory was started on another host', async () => {
      const reasons: string[] = [];
      await hold('node', (reason) => reasons.push(reason));
      const { directory, ...node } = await claimant('node');
      await claim({ ...node, directory: { ...directory, host: 'elsewhere', path: '/srv/headgate' } });
      await until(() => assert.equal(reasons.length, 1), 5_000);
      assert.match(reasons[0] ?? '', /A copy of this data directory, \/srv\/headgate on host elsewhere/);
    });

    it('claims it again where somebody has terminated what keeps it', async () => {
      await hold('node', (reason) => assert.fail(reason));
      await client.workflow.getHandle(OWNER_WORKFLOW).terminate();
      await until(async () => assert.notEqual(await owner(), undefined), 5_000);
    });
  });
});

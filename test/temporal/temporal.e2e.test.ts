import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { freePort } from '../../bench/system/free-port.js';
import { loadConfig } from '../../src/config.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import { prepareNamespace } from '../../src/temporal/namespace.js';
import { SEARCH_ATTRIBUTES } from '../../src/tenants/search-attributes.js';
import { startDevServer } from '../../src/temporal/dev-server/dev-server.js';
import { openTemporal, type OpenTemporalOptions, type Temporal } from '../../src/temporal/temporal.js';
import { serverStateOf } from '../../src/temporal/dev-server/server-record.js';
import { temporalAddress, temporalBinary } from '../support/temporal.js';
import { until } from '../support/until.js';

const DAY_SECONDS = 24 * 60 * 60;

async function settingsOf(connection: NativeConnection, namespace = 'default') {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  return {
    retention: Number(config?.workflowExecutionRetentionTtl?.seconds),
    attributes: Object.values(config?.customSearchAttributeAliases ?? {}).sort(),
  };
}

const expectedAttributes = [...SEARCH_ATTRIBUTES].sort();

describe('the engine', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-engine-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  describe('prepareNamespace', () => {
    it('adds what a server lacks, at once usable, and changes nothing the second time', async () => {
      const server = await startDevServer({
        binary: await temporalBinary(),
        dbFile: join(folder, 'temporal.db'),
        logFile: join(folder, 'temporal.log'),
        port: await freePort(),
        uiPort: await freePort(),
        namespace: 'default',
      });
      const connection = await connectTemporal({ address: server.address });
      try {
        assert.deepEqual((await settingsOf(connection)).attributes, []);
        // Two processes at once, as api and worker would be.
        await Promise.all([
          prepareNamespace(connection, 'default', { ownServer: false }),
          prepareNamespace(connection, 'default', { ownServer: false }),
        ]);
        const given = await settingsOf(connection);
        assert.deepEqual(given, { retention: DAY_SECONDS, attributes: expectedAttributes });

        const { workflow } = new Client({ connection });
        const searchAttributes = Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, ['x']]));
        await workflow.start('none', { taskQueue: 'q', workflowId: 'w', searchAttributes });

        for (let time = 0; time < 2; time += 1) {
          await prepareNamespace(connection, 'default', { ownServer: true });
          assert.deepEqual(await settingsOf(connection), { ...given, retention: 7 * DAY_SECONDS });
        }
      } finally {
        await connection.close();
        await server.stop();
      }
    });

    it('says that a namespace is not there, and how to make it', async () => {
      const connection = await connectTemporal({ address: temporalAddress() });
      try {
        await assert.rejects(prepareNamespace(connection, 'nowhere', { ownServer: false }), {
          code: 'ENGINE_UNAVAILABLE',
          message: /namespace create --namespace nowhere/,
        });
      } finally {
        await connection.close();
      }
    });
  });

  describe('connectTemporal', () => {
    it('names the address that cannot be reached', async () => {
      const address = `127.0.0.1:${await freePort()}`;
      await assert.rejects(connectTemporal({ address }), {
        code: 'ENGINE_UNAVAILABLE',
        retryable: true,
        message: new RegExp(address.replaceAll('.', '\\.')),
      });
    });
  });

  describe('openTemporal', () => {
    const options = async (): Promise<OpenTemporalOptions> => ({
      ...loadConfig({ PATH: process.env.PATH, HOME: process.env.HOME }),
      cacheDir: loadConfig().cacheDir,
      dataDir: folder,
      temporalPort: await freePort(),
      temporalUiPort: await freePort(),
    });

    it('runs a server of its own, ready for Headgate, and stops it on close', async () => {
      const temporal = await openTemporal(await options());
      assert.equal(temporal.ownServer, true);
      assert.deepEqual(await settingsOf(temporal.connection), {
        retention: 7 * DAY_SECONDS,
        attributes: expectedAttributes,
      });
      assert.equal((await fetch(temporal.uiUrl as string)).status, 200);
      await temporal.close();
      await assert.rejects(connectTemporal({ address: temporal.address }), { code: 'ENGINE_UNAVAILABLE' });
    });

    it('uses the Temporal it is pointed at, and leaves it running', async () => {
      const temporal = await openTemporal({ ...(await options()), temporalAddress: temporalAddress() });
      assert.equal(temporal.ownServer, false);
      assert.equal(temporal.namespace, 'default');
      await temporal.close();
      await (await connectTemporal({ address: temporalAddress() })).close();
    });

    it('brings its server back when it is killed, and the same connection finds it', async () => {
      const logged: string[] = [];
      const write = (id: string): void => void logged.push(id);
      const temporal = await openTemporal({ ...(await options()), log: { info: write, error: write } });
      try {
        const client = new Client({ connection: temporal.connection });
        await client.workflow.start('none', { taskQueue: 'q', workflowId: 'survivor' });
        process.kill(serverPid(folder), 'SIGKILL');
        const { status } = await retried(() => client.workflow.getHandle('survivor').describe(), temporal);
        assert.equal(status.name, 'RUNNING');
        // The server may answer a moment before it is said to be back.
        await until(
          () => assert.deepEqual(logged, ['TEMPORAL_SERVER_ENDED', 'TEMPORAL_SERVER_BACK']),
          10_000,
        );
      } finally {
        await temporal.close();
      }
      assert.equal(serverStateOf(join(folder, 'temporal', 'temporal.db')).kind, 'none');
    });
  });
});

function serverPid(dataDir: string): number {
  const state = serverStateOf(join(dataDir, 'temporal', 'temporal.db'));
  assert.ok(state.kind === 'owned' && state.server !== undefined);
  return state.server.process.pid;
}

/** Tries until it works or 20 s are over; each call is given 2 s. */
async function retried<T>(call: () => Promise<T>, { connection }: Temporal): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return await connection.withDeadline(Date.now() + 2000, call);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

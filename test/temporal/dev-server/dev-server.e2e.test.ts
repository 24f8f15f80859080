import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { freePort } from '../../../bench/system/free-port.js';
import type { HeadgateError } from '../../../src/errors.js';
import {
  devServerArguments,
  type DevServerOptions,
} from '../../../src/temporal/dev-server/dev-server-arguments.js';
import { startDevServer, type DevServer } from '../../../src/temporal/dev-server/dev-server.js';
import { answersFor } from '../../../src/temporal/dev-server/health.js';
import { isLocked } from '../../../src/platform/file-lock.js';
import { currentProcess, identify, isRunning } from '../../../src/platform/process-identity.js';
import { serverStateOf } from '../../../src/temporal/dev-server/server-record.js';
import { stopProcess } from '../../../src/temporal/dev-server/stop-process.js';
import { canUnshare, startHolder } from '../../support/lock-holder.js';
import { temporalBinary } from '../../support/temporal.js';

const SECOND = 1000;

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20 * SECOND;
  while (!(await condition())) {
    if (performance.now() > deadline) assert.fail(`not within 20 s: ${what}`);
    await sleep(50);
  }
}

describe('startDevServer', () => {
  let folder: string;
  let options: DevServerOptions;
  let servers: DevServer[];
  let children: ChildProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-dev-'));
    servers = [];
    children = [];
    options = {
      binary: await temporalBinary(),
      dbFile: join(folder, 'db', 'temporal.db'),
      logFile: join(folder, 'db', 'temporal.log'),
      port: await freePort(),
      uiPort: await freePort(),
      namespace: 'default',
    };
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    for (const server of servers) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (changes: Partial<DevServerOptions> = {}) => {
    const server = await startDevServer({ ...options, ...changes });
    servers.push(server);
    return server;
  };

  const recordFile = () => `${options.dbFile}.server.json`;

  /** A Headgate of its own that starts the server; gives its process and the server's. */
  async function startElsewhere(): Promise<{ owner: ChildProcess; serverPid: number }> {
    const script = fileURLToPath(new URL('./start-dev-server.fixture.ts', import.meta.url));
    const owner = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(owner);
    for await (const line of createInterface({ input: owner.stdout as NodeJS.ReadableStream })) {
      return { owner, serverPid: Number(line) };
    }
    return assert.fail('the owner said nothing');
  }

  it('answers once it has started, shows its UI, and is gone once it has stopped', async () => {
    const server = await start();
    assert.equal(server.shared, false);
    assert.equal(await answersFor(server.address, 'default'), true);
    assert.equal((await fetch(server.uiUrl!)).status, 200);
    await server.stop();
    await server.stop();
    assert.equal(await answersFor(server.address, 'default'), false);
    assert.equal(existsSync(recordFile()), false);
  });

  it('keeps workflows from one start to the next on the same database', async () => {
    const first = await start();
    const describeRun = async ({ address }: DevServer, startIt: boolean) => {
      const connection = await Connection.connect({ address });
      const client = new Client({ connection });
      if (startIt) await client.workflow.start('none', { taskQueue: 'q', workflowId: 'kept' });
      const { runId, status } = await client.workflow.getHandle('kept').describe();
      await connection.close();
      return { runId, status: status.name };
    };
    const before = await describeRun(first, true);
    await first.stop();
    assert.deepEqual(await describeRun(await start(), false), before);
  });

  for (const [what, variable] of [
    ['port', 'HEADGATE_TEMPORAL_PORT'],
    ['uiPort', 'HEADGATE_TEMPORAL_UI_PORT'],
  ] as const) {
    it(`says which port is in use, and that ${variable} sets another`, async () => {
      const other = createServer().listen(options[what], '127.0.0.1');
      await once(other, 'listening');
      try {
        await assert.rejects(
          start(),
          (error: HeadgateError) =>
            error.code === 'PORT_IN_USE' &&
            error.message.includes(variable) &&
            error.message.includes(String(options[what])),
        );
        assert.equal(existsSync(recordFile()), false);
      } finally {
        other.close();
      }
    });
  }

  it('shows the end of the log of a server that dies at once, and only of this start', async () => {
    const binary = join(folder, 'temporal');
    writeFileSync(binary, '#!/bin/sh\necho "error: unknown flag" >&2\nexit 3\n');
    chmodSync(binary, 0o755);
    await assert.rejects(start({ binary }), { code: 'TEMPORAL_START_FAILED', message: /unknown flag/ });
    writeFileSync(binary, '#!/bin/sh\necho "disk is full" >&2\nexit 3\n');
    await assert.rejects(start({ binary }), (error: HeadgateError) => {
      assert.match(error.message, /disk is full/);
      assert.doesNotMatch(error.message, /unknown flag/);
      return true;
    });
    await assert.rejects(start({ binary: join(folder, 'none') }), { code: 'TEMPORAL_START_FAILED' });
    assert.equal(existsSync(recordFile()), false);
  });

  it('reports an end that nobody asked for, and none that was', async () => {
    const exits: (string | null)[] = [];
    const server = await start({ onExit: ({ signal }) => exits.push(signal) });
    process.kill(server.pid, 'SIGKILL');
    await until('the exit is reported', () => exits.length > 0);
    assert.deepEqual([...exits], ['SIGKILL']);
    const again = await start({ onExit: ({ signal }) => exits.push(signal) });
    await again.stop();
    assert.deepEqual([...exits], ['SIGKILL']);
  });

  it('stays out of the way of Ctrl-C: it leads a process group of its own', async () => {
    const server = await start();
    process.kill(-server.pid, 0);
    await server.stop();
  });

  it('shares the server of another living process, and leaves it running', async () => {
    const { serverPid } = await startElsewhere();
    const shared = await start({ port: await freePort(), uiPort: await freePort() });
    assert.equal(shared.shared, true);
    assert.equal(shared.pid, serverPid);
    assert.equal(shared.address, `127.0.0.1:${options.port}`);
    await shared.stop();
    assert.equal(await answersFor(shared.address, 'default'), true);
  });

  it('does not outlive a process that is killed', async () => {
    const { owner, serverPid } = await startElsewhere();
    const server = identify(serverPid);
    owner.kill('SIGKILL');
    await until('the server has ended', () => !isRunning(server));
    assert.equal((await start()).shared, false);
  });

  it('stops a server that a killed process left behind before it starts one', async () => {
    await mkdir(dirname(options.dbFile));
    const left = spawn(options.binary, devServerArguments(options), { stdio: 'ignore' });
    children.push(left);
    await until('the server answers', () => answersFor(`127.0.0.1:${options.port}`, 'default'));
    const owner = { ...currentProcess(), startedAt: 'another process that had this id' };
    const server = {
      process: identify(left.pid as number),
      address: `127.0.0.1:${options.port}`,
      uiUrl: `http://127.0.0.1:${options.uiPort}`,
    };
    writeFileSync(recordFile(), JSON.stringify({ owner, server }));

    const started = await start();
    assert.equal(isRunning(server.process), false);
    assert.equal(started.shared, false);
    assert.notEqual(started.pid, left.pid);
    assert.equal(JSON.parse(readFileSync(recordFile(), 'utf8')).server.process.pid, started.pid);
  });

  it('knows a server that was left behind by the lock it holds, whatever its record says', async () => {
    const { owner, serverPid } = await startElsewhere();
    const server = identify(serverPid);
    // Neither it nor its watchdog gets to end: for a while it runs without an owner.
    process.kill(serverPid, 'SIGSTOP');
    owner.kill('SIGKILL');
    await until('its owner is gone', () => !isLocked(`${options.dbFile}.owner.lock`));
    writeFileSync(recordFile(), '{"ser');
    assert.deepEqual(serverStateOf(options.dbFile), { kind: 'orphaned', server: undefined });
    process.kill(serverPid, 'SIGCONT');
    assert.equal((await start()).shared, false);
    assert.equal(isRunning(server), false);
    assert.equal(serverStateOf(options.dbFile).kind, 'owned');
  });

  it('waits for a server of another container, and sends nothing to the process that has its id here', async () => {
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    children.push(stranger);
    await once(stranger, 'spawn');
    await mkdir(dirname(options.dbFile));
    const apart = startHolder(`${options.dbFile}.server.lock`, { apart: canUnshare() });
    try {
      assert.equal(await apart.take(), 'held');
      const its = { ...identify(stranger.pid as number), namespace: 'pid:[1]' };
      const server = { process: its, address: '127.0.0.1:1', uiUrl: 'http://127.0.0.1:1' };
      writeFileSync(recordFile(), JSON.stringify({ server }));
      const starting = start();
      assert.equal(await Promise.race([starting, sleep(SECOND)]), undefined);
      await apart.kill();
      assert.equal((await starting).shared, false);
      assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    } finally {
      await apart.kill();
    }
  });

  it('does not touch a process that has got the id of a server long gone', async () => {
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    children.push(stranger);
    await once(stranger, 'spawn');
    const server = {
      process: { pid: stranger.pid, startedAt: 'before' },
      address: `127.0.0.1:${options.port}`,
      uiUrl: 'http://127.0.0.1:1',
    };
    await mkdir(dirname(options.dbFile));
    writeFileSync(
      recordFile(),
      JSON.stringify({ owner: { pid: stranger.pid, startedAt: 'before' }, server }),
    );
    await start();
    assert.equal(isRunning(identify(stranger.pid as number)), true);
  });
});

describe('stopProcess', () => {
  it('kills what does not end on SIGTERM', async () => {
    const child = spawn('sh', ['-c', 'trap "" TERM; echo up; while :; do sleep 1; done'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    await stopProcess(identify(child.pid as number), 300);
    assert.equal(child.signalCode ?? (await once(child, 'exit'))[1], 'SIGKILL');
  });
});

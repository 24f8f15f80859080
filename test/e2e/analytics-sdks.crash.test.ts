import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { signToken } from '../../src/keys/key-set.js';
import { nodeEnvironment, runHeadgate } from '../support/headgate.js';
import { canHoldSocket, holdSocket, type HeldSocket } from '../support/held-socket.js';
import { rowsInFiles } from '../support/parquet.js';
import { until } from '../support/until.js';

const COMMANDS = JSON.parse(process.env.HEADGATE_TEST_SDKS ?? '{}') as Readonly<Record<string, string[]>>;
const TENANT = 'shop';
const EVENTS = 500;
const START = Date.UTC(2026, 2, 1, 10);
/** Milliseconds between events: as long as a start of the node takes, or more. */
const PAUSE_MS = 15;
/** Fewer than come, after the burst of two seconds: some requests find the tenant over its rate. */
const EVENTS_PER_SECOND = 50;

/** What a client that tries once may have under way when a node ends. */
const MOST_CUT_OFF = 40;

interface Client {
  readonly name: string;
  /** By its folder in test/sdks. */
  readonly folder: string;
  /** It tries once, and drops what is refused, or cut off by a kill: it sends to a tenant within its rate, and may miss some. */
  readonly triesOnce?: boolean;
  /** It cannot be given ids, subjects and times of events. */
  readonly ownIds?: boolean;
}

const CLIENTS: readonly Client[] = [
  { name: 'segment-node', folder: 'analytics-node' },
  { name: 'segment-node-6', folder: 'analytics-node' },
  { name: 'rudder-node', folder: 'analytics-node' },
  { name: 'jitsu-node', folder: 'analytics-node', triesOnce: true, ownIds: true },
  { name: 'segment-python', folder: 'analytics-python' },
  { name: 'rudder-python', folder: 'analytics-python' },
  { name: 'segment-go', folder: 'analytics-go' },
  { name: 'rudder-go', folder: 'analytics-go' },
  { name: 'segment-java', folder: 'analytics-java' },
];

/** What of an event is looked at in the warehouse. */
type Row = readonly [id: string, type: string, subject: string, timeMs: number, number: number];

describe('analytics SDKs, with overload, a restart and a kill -9 while they send', function () {
  this.timeout(280_000);

  for (const client of CLIENTS)
    describe(client.name, () => {
      let dataDir: string;
      let held: HeldSocket;

      before(async function () {
        if (!canHoldSocket || COMMANDS[client.folder] === undefined) {
          console.log(`      skipped: \`node scripts/sdk-clients.mjs ${client.folder}\` has not built it`);
          return this.skip();
        }
        dataDir = await mkdtemp(join(tmpdir(), 'headgate-analytics-'));
        await mkdir(join(dataDir, 'tenants'));
        const limits = client.triesOnce === true ? {} : { eventsPerSecond: EVENTS_PER_SECOND };
        const config = { tenant: TENANT, limits, warehouse: { window: '1s' } };
        await writeFile(join(dataDir, 'tenants', `${TENANT}.yaml`), JSON.stringify(config));
        held = await holdSocket(await nodeEnvironment(dataDir));
      });
      after(async () => {
        await held?.close();
        if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true });
      });

      it('arrives once, with its types, subjects and times', async () => {
        const first = await held.start();
        await fetch(`${held.url}/readyz`);
        const key = await makeKey(dataDir, held.url);
        const sending = send(client, held.url, key);
        await sending.reached(100);
        await held.end(first, 'SIGTERM');
        const second = await held.start();
        await sending.reached(300);
        await held.end(second, 'SIGKILL');
        const third = await held.start();
        const { failures } = await sending.ended;
        assert.deepEqual(failures, []);
        const rows = (): Promise<Row[]> => tracked(dataDir);
        const least = client.triesOnce === true ? EVENTS - MOST_CUT_OFF : EVENTS;
        await until(async () => {
          const { length } = await rows();
          assert.ok(length >= least, `${length} events`);
        }, 60_000);
        await held.end(third, 'SIGTERM');
        assertOnce(client, await rows());
      });
    });
});

async function makeKey(dataDir: string, url: string): Promise<string> {
  const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
  const token = await signToken(dataDir, { role: 'operator', scope: 'tenants:write', ...claims });
  const args = ['source', 'create', 'web', '--tenant', TENANT, '--url', url, '--json'];
  const { code, stdout, stderr } = await runHeadgate(args, { HEADGATE_TOKEN: token });
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as { key: string }).key;
}

interface Ending {
  readonly failures: readonly unknown[];
}

/** A program that tracks events by the SDK. */
interface Sending {
  /** Resolves once so many events were handed to the SDK. */
  reached(count: number): Promise<void>;
  readonly ended: Promise<Ending>;
}

function send({ name, folder }: Client, url: string, key: string): Sending {
  const [command = '', ...args] = COMMANDS[folder] ?? [];
  const all = [...args, name, url, key, String(EVENTS), String(PAUSE_MS)];
  const program = spawn(command, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  let sent = 0;
  let last = '';
  createInterface({ input: program.stdout }).on('line', (line) => {
    last = line;
    sent = Number(/^sent (\d+)$/.exec(line)?.[1] ?? sent);
  });
  const ended = new Promise<Ending>((resolve, reject) => {
    program.once('error', reject).once('close', (code) => {
      if (code === 0) resolve(JSON.parse(last) as Ending);
      else reject(new Error(`${name} ended with ${code}`));
    });
  });
  return { reached: (count) => until(() => assert.ok(sent >= count, `${sent}`), 60_000), ended };
}

async function tracked(dataDir: string): Promise<Row[]> {
  const columns = "id, type, subject, epoch_ms(time), data->>'$.properties.number'";
  const rows = await rowsInFiles(join(dataDir, 'warehouse'), TENANT, 'events', columns);
  return rows
    .filter(([, type]) => type === 'track.ticket-booked')
    .map(([id, type, subject, ms, number]) => [
      String(id),
      String(type),
      String(subject),
      Number(ms),
      Number(number),
    ]);
}

function assertOnce({ name, triesOnce, ownIds }: Client, rows: readonly Row[]): void {
  const numbers = rows.map(([, , , , number]) => number).sort((one, other) => one - other);
  const all = Array.from({ length: EVENTS }, (_, number) => number);
  const missing = all.filter((number) => !numbers.includes(number));
  assert.equal(new Set(numbers).size, numbers.length, 'none twice');
  // What was under way at the end of a node had no answer, or that it is stopping.
  assert.ok(
    triesOnce === true ? missing.length <= MOST_CUT_OFF : missing.length === 0,
    `missing: ${missing.join()}`,
  );
  for (const [id, , subject, ms, number] of rows) {
    const known = [`${name}-${number}`, `u-${number % 50}`, START + number * 1_000];
    if (ownIds !== true) assert.deepEqual([id, subject, ms], known);
    else assert.match(subject, /^u-\d+$/);
  }
}

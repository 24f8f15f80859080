import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { signToken } from '../../src/keys/key-set.js';
import type { StatusReport } from '../../src/status/report.js';
import { SubscriptionLags } from '../../src/subscriptions/lags.js';
import { createQueueRates } from '../../src/temporal/queue-rates.js';
import type { TenantConfig } from '../../src/tenants/config/tenant-config.js';
import { startHeadgate } from '../system/headgate.js';
import { readProcess } from '../system/processes.js';
import type { System } from '../system/system.js';

/**
 * `npx tsx bench/status/main.ts --tenants 1000 --seconds 120`: how long a look at Temporal takes, what looks cost, how long
 * `GET /v1/status` takes while somebody asks every second, and how soon a receiver that fails is in its answer.
 */
const { values } = parseArgs({
  options: { tenants: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '120' } },
});
const TENANTS = Number(values.tenants);
const SECONDS = Number(values.seconds);
/** Of the tenants, those of which one receiver fails in the end. */
const FAILING = 20;

let fails = false;
const receiver = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(fails && request.url === '/fails' ? 500 : 204).end());
}).listen(0, '127.0.0.1');
await once(receiver, 'listening');
const { port } = receiver.address() as AddressInfo;

const system = await startHeadgate({
  tenants: TENANTS,
  env: { HEADGATE_PUSH_ALLOW: '127.0.0.0/8' },
  deliver: () => ({
    subscriptions: ['fails', 'well'].map((name) => ({
      name,
      kind: 'push',
      url: `http://127.0.0.1:${port}/${name}`,
      retry: { schedule: Array.from({ length: 20 }, () => '5s') },
    })),
    routes: [{ match: {}, to: ['fails', 'well'] }],
  }),
});
try {
  const token = await signToken(system.dataDir, {
    role: 'operator',
    scope: 'admin',
    issuer: 'headgate',
    audience: 'headgate',
    expiresInSeconds: 3_600,
  });
  const status = async (): Promise<{ report: StatusReport; ms: number }> => {
    const began = performance.now();
    const response = await fetch(`${system.url}/v1/status`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { report: (await response.json()) as StatusReport, ms: performance.now() - began };
  };
  print('quiet, nobody asks', await cpuOver(system, 30, () => Promise.resolve()));
  await lookAtAll(system);
  const first = await status();
  print('the first answer', { ms: first.ms, lookedAt: first.report.lookedAt });
  print('somebody asks every second', await asked(system, status));
  print('receivers fail', await seenFailing(system, status));
} finally {
  await system.stop();
  receiver.close();
}

/** One look of a process of its own, which knows nothing yet. */
async function lookAtAll({ temporal, tenants }: System): Promise<void> {
  const connection = await Connection.connect({ address: temporal });
  const client = new Client({ connection, namespace: 'default' });
  const configs = tenants.map(({ tenant }) => ({
    tenant,
    subscriptions: [{ name: 'fails' }, { name: 'well' }],
    warehouse: { windowMs: 5_000 },
  })) as unknown as TenantConfig[];
  const lags = new SubscriptionLags({
    client,
    queues: createQueueRates(connection, 'default'),
    tenants: () => configs,
    log: { warn: (...said: unknown[]) => console.error(said) },
    waitMs: 600_000,
  });
  const began = performance.now();
  const { lags: found } = await lags.reading();
  print('one look', { ms: performance.now() - began, subscriptions: found.length });
  await connection.close();
}

/** CPU seconds of the node and of Temporal in a second, while something goes on. */
async function cpuOver(of: System, seconds: number, work: () => Promise<unknown>): Promise<object> {
  const before = cpuOf(of);
  const until = performance.now() + seconds * 1_000;
  while (performance.now() < until) {
    await work();
    await delay(1_000);
  }
  const after = cpuOf(of);
  return Object.fromEntries(
    Object.keys(after).map((name) => [`${name} cores`, ((after[name] ?? 0) - (before[name] ?? 0)) / seconds]),
  );
}

function cpuOf(of: System): Record<string, number> {
  return Object.fromEntries(
    Object.entries(of.processes()).map(([name, pids]) => [
      name,
      pids.reduce((sum, pid) => sum + (readProcess(pid)?.cpuSeconds ?? 0), 0),
    ]),
  );
}

type Ask = () => Promise<{ report: StatusReport; ms: number }>;

async function asked(of: System, status: Ask): Promise<object> {
  const times: number[] = [];
  const ages: number[] = [];
  let oldest: string | undefined;
  const cpu = await cpuOver(of, SECONDS, async () => {
    const { report, ms } = await status();
    times.push(ms);
    if (report.lookedAt !== undefined) ages.push(Date.parse(report.at) - Date.parse(report.lookedAt));
    oldest = report.oldestLookAt;
  });
  times.sort((one, other) => one - other);
  return {
    ...cpu,
    p50: times[Math.floor(times.length / 2)],
    max: times.at(-1),
    'oldest look at what waits, s': Math.max(...ages) / 1_000,
    'all asked': oldest !== undefined,
  };
}

/** Seconds until all of the subscriptions are said to fail. */
async function seenFailing(of: System, status: Ask): Promise<object> {
  fails = true;
  const began = performance.now();
  await Promise.all(
    of.tenants.slice(0, FAILING).map(({ token, tenant }) =>
      fetch(`${of.url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify({ specversion: '1.0', id: tenant, source: '/bench', type: 'order', data: {} }),
      }),
    ),
  );
  while (performance.now() - began < 180_000) {
    const { report } = await status();
    // A breaker opens after ten failures.
    const failing = report.problems.filter(
      ({ kind }) => kind === 'failing' || kind === 'breaker-open',
    ).length;
    if (failing >= FAILING) return { failing, seconds: (performance.now() - began) / 1_000 };
    await delay(500);
  }
  return { failing: 'not all within 3 minutes' };
}

function print(what: string, figures: object): void {
  const rounded = Object.entries(figures).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value * 1000) / 1000 : value}`,
  );
  console.log(`${what}: ${rounded.join(', ')}`);
}

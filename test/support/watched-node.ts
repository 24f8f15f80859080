import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { freePort } from '../../bench/system/free-port.js';
import { signToken } from '../../src/keys/key-set.js';
import type { Problem, StatusReport } from '../../src/status/report.js';
import { SEARCH_ATTRIBUTES } from '../../src/tenants/search-attributes.js';
import { startDevServer, type DevServer } from '../../src/temporal/dev-server/dev-server.js';
import type { DevServerOptions } from '../../src/temporal/dev-server/dev-server-arguments.js';
import { openPage, startBrowser } from './browser.js';
import { killAll, ownEnvironment, runHeadgate, spawnHeadgate } from './headgate.js';
import { startPrometheus, type TestPrometheus } from './prometheus.js';
import { temporalBinary } from './temporal.js';

/** A node on a Temporal of its own, with all that an operator watches it by. */
export interface WatchedNode {
  readonly url: string;
  readonly dataDir: string;
  readonly prometheus: TestPrometheus;
  /** The alerts that fire, as `<alert> <tenant> <subscription>`, where they have both. */
  firing(): Promise<string[]>;
  /** What `headgate status` says of all tenants. */
  status(): Promise<StatusReport>;
  /** What the console shows of it to an operator, a text for each row. */
  shown(): Promise<string[]>;
  stopTemporal(): Promise<void>;
  startTemporal(): Promise<void>;
  close(): Promise<void>;
}

/** What {@link startWatchedNode} needs: programs, and the node's tenants. */
export interface WatchedNodeOptions {
  readonly prometheus: string;
  readonly chromium: string;
  /** Tenants' files, by tenant. */
  readonly tenants: Readonly<Record<string, object>>;
  readonly env: Readonly<Record<string, string>>;
}

/** As often as `deploy/prometheus/prometheus.yml` has it. */
const SCRAPED_EVERY = '15s';
/** What the machine that runs the tests may do to any process. */
const OF_THE_MACHINE: readonly string[] = ['HeadgateEventLoopLag', 'HeadgateDiskNearlyFull'];

/** Starts a Temporal, a node, a Prometheus that scrapes it, and a browser with the console's status. */
export async function startWatchedNode(options: WatchedNodeOptions): Promise<WatchedNode> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-watched-'));
  const dataDir = join(dir, 'data');
  await mkdir(join(dir, 'tenants'));
  for (const [tenant, file] of Object.entries(options.tenants))
    await writeFile(join(dir, 'tenants', `${tenant}.yaml`), JSON.stringify({ tenant, ...file }));
  const serverOptions = await serverOf(dir);
  let server: DevServer | undefined = await startDevServer(serverOptions);
  const env = {
    ...(await ownEnvironment(dataDir)),
    TEMPORAL_ADDRESS: server.address,
    HEADGATE_PUSH_ALLOW: '127.0.0.0/8',
    ...options.env,
  };
  const { url } = await spawnHeadgate(['start', '--tenants', join(dir, 'tenants')], env).ready();
  const prometheus = await startPrometheus(
    options.prometheus,
    join(dir, 'prometheus'),
    [new URL(url).host],
    SCRAPED_EVERY,
  );
  const browser = await startBrowser(options.chromium);
  const page = await openStatus(browser, url, dataDir);
  return {
    url,
    dataDir,
    prometheus,
    firing: async () => {
      const alerts = await prometheus.query('ALERTS{alertstate="firing"}');
      return alerts
        .filter(({ metric }) => !OF_THE_MACHINE.includes(metric.alertname ?? ''))
        .map(({ metric }) => named(metric.alertname, metric))
        .sort();
    },
    status: async () => {
      const { code, stdout, stderr } = await runHeadgate(['status', '--json', '--url', url], env);
      assert.ok(code === 0 || code === 1, `${code}: ${stderr}`);
      const report = JSON.parse(stdout) as StatusReport;
      assert.equal(code, report.verdict === 'failing' ? 1 : 0);
      return report;
    },
    shown: () => page.getByRole('row').allInnerTexts(),
    stopTemporal: async () => {
      await server?.stop();
      server = undefined;
    },
    startTemporal: async () => {
      server = await startDevServer(serverOptions);
    },
    close: async () => {
      await browser.close();
      await prometheus.stop();
      await killAll();
      await server?.stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A problem, or an alert, with whom it concerns. */
export function named(
  what: string | undefined,
  { tenant, subscription }: Pick<Problem, 'tenant' | 'subscription'> | Readonly<Record<string, string>>,
): string {
  return [what, tenant, subscription].filter(Boolean).join(' ');
}

async function serverOf(dir: string): Promise<DevServerOptions> {
  return {
    binary: await temporalBinary(),
    dbFile: join(dir, 'temporal.db'),
    logFile: join(dir, 'temporal.log'),
    port: await freePort(),
    uiPort: await freePort(),
    namespace: 'default',
    searchAttributes: Object.fromEntries(SEARCH_ATTRIBUTES.map((name) => [name, 'Keyword'])),
  };
}

async function openStatus(browser: Browser, url: string, dataDir: string): Promise<Page> {
  const token = await signToken(dataDir, {
    role: 'operator',
    scope: 'admin',
    subject: 'ops@example.com',
    issuer: 'headgate',
    audience: 'headgate',
    expiresInSeconds: 3_600,
  });
  const { page } = await openPage(browser);
  await page.goto(`${url}/console`);
  await page.getByLabel('Token').fill(token);
  await page.keyboard.press('Enter');
  await page.getByRole('navigation').waitFor();
  await page.evaluate("location.hash = '#/status'");
  await page.getByRole('heading', { level: 1, name: 'Status' }).waitFor();
  return page;
}

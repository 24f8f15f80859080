import { setTimeout as delay } from 'node:timers/promises';
import { chromium, type Browser } from 'playwright-core';
import { signToken } from '../../src/keys/key-set.js';
import { chromiumBinary } from '../../test/support/browser.js';
import { startReceiver } from '../../test/support/webhook-receiver.js';
import { airlines, sendWeek, startWithAirlines, TENANT } from '../console/week.js';
import { openContext, visit, type Visit } from '../console/visit.js';
import { Meter } from '../system/meter.js';
import { processTree } from '../system/processes.js';
import type { System } from '../system/system.js';
import { signTokens } from '../system/tokens.js';
import type { BenchCase, CaseContext, CaseResult, Figure } from './bench-case.js';

/** How long pages of the console take, and what it costs to have one open. */
export const consoleCase: BenchCase = {
  name: 'console',
  title: 'pages of the console in Chromium, with a week of flights; the overview while it is open',
  seconds: 60,
  quickSeconds: 5,
  run,
};

/** Of an operator: those of all tenants. */
const OF_ALL = new Set(['tenants']);

async function run(context: CaseContext): Promise<CaseResult> {
  const binary = chromiumBinary();
  if (binary === undefined) throw new Error('There is no Chromium (Debian: apt-get install chromium).');
  const receiver = await startReceiver(({ path }) => (path.startsWith('/hook') ? 500 : 204));
  const system = await startWithAirlines(`http://127.0.0.1:${receiver.port}`);
  const browser = await chromium.launch({ executablePath: binary, chromiumSandbox: false });
  try {
    return await measure(context, system, browser);
  } finally {
    await browser.close();
    await system.stop();
    await receiver.stop();
  }
}

async function measure(context: CaseContext, system: System, browser: Browser): Promise<CaseResult> {
  const tenants = await signTokens(system.dataDir, airlines());
  context.progress('the week is sent');
  const events = await sendWeek(system.url, tenants);
  const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 86_400, scope: 'admin' };
  const tokens = {
    own: await signToken(system.dataDir, { tenant: TENANT, ...claims }),
    operator: await signToken(system.dataDir, { role: 'operator', ...claims }),
  };
  await delay(context.quick ? 0 : 20_000);
  await untilSomethingIsDead(system.url, tokens.own);
  const figures: Figure[] = [{ name: 'events', value: events, unit: 'events' }];
  for (const path of await pathsOf(system.url, tokens.own)) {
    context.progress(path);
    const token = OF_ALL.has(path) ? tokens.operator : tokens.own;
    figures.push(...(await ofPage(browser, system.url, path, token, context.quick ? 1 : 7)));
  }
  for (const [who, token] of Object.entries(tokens))
    figures.push(...(await whileOpen(context, system, browser, { who, token })));
  return {
    figures,
    accounts: {},
    notes: ['Of a page: a browser that has nothing, and one that has its files.'],
  };
}

/** Waits until the receiver has failed, for two minutes at most. */
async function untilSomethingIsDead(url: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  for (let tries = 0; tries < 120; tries++) {
    const answer = await fetch(`${url}/v1/dead-letters?limit=1`, { headers });
    if (answer.ok && ((await answer.json()) as { deadLetters: unknown[] }).deadLetters.length > 0) return;
    await delay(1_000);
  }
}

/** The pages, with one of each kind that shows one thing. */
async function pathsOf(url: string, token: string): Promise<string[]> {
  const ask = async (path: string): Promise<never> => {
    const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as never;
  };
  const { deadLetters } = (await ask('/v1/dead-letters?limit=1')) as {
    deadLetters: { id: string; batchId: string; firstEvent: string }[];
  };
  const [letter] = deadLetters;
  if (letter === undefined) throw new Error('There is no dead letter.');
  return [
    'overview',
    'tenants',
    'subscriptions',
    'subscriptions/crm',
    `events/${encodeURIComponent(letter.firstEvent)}`,
    `batches/${letter.batchId}`,
    'dead-letters',
    `dead-letters/${encodeURIComponent(letter.id)}`,
    'replays',
    'rules',
    'decisions/N14228',
    'usage',
    'audit-log',
    'status',
  ];
}

async function ofPage(
  browser: Browser,
  url: string,
  path: string,
  token: string,
  times: number,
): Promise<Figure[]> {
  const first: Visit[] = [];
  const again: Visit[] = [];
  for (let count = 0; count < times; count++) {
    const context = await openContext(browser);
    const page = await context.newPage();
    first.push(await visit(page, url, path, token));
    await page.goto('about:blank');
    again.push(await visit(page, url, path, token));
    await context.close();
  }
  const [name] = path.split('/');
  const what = path.includes('/') ? `one of ${name}` : name;
  const toTheForm = median(first.map(({ formMs }) => Math.round(formMs)));
  return [
    { name: `${what}, first`, value: median(first.map(total)), unit: 'ms' },
    { name: `${what}, first, of it to the form`, value: toTheForm, unit: 'ms' },
    { name: `${what}, first, longest`, value: Math.max(...first.map(total)), unit: 'ms' },
    { name: `${what}, again`, value: median(again.map(total)), unit: 'ms' },
  ];
}

const total = ({ formMs, shownMs }: Visit): number => Math.round(formMs + shownMs);

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

/** CPU with the overview open, less that without it: in percent of a core. */
async function whileOpen(
  { seconds, progress }: CaseContext,
  system: System,
  browser: Browser,
  { who, token }: { readonly who: string; readonly token: string },
): Promise<Figure[]> {
  progress(`nothing is open, ${seconds} s`);
  const before = await percents(system, seconds);
  const context = await openContext(browser);
  const page = await context.newPage();
  await visit(page, system.url, 'overview', token);
  progress(`the overview is open, ${seconds} s`);
  await delay(2_000);
  const after = await percents(system, seconds);
  await context.close();
  return Object.entries(after).map(([name, percent]) => ({
    name: `overview open (${who}), ${name}`,
    value: Math.round(100 * (percent - (before[name] ?? 0))) / 100,
    unit: '% of a core',
  }));
}

async function percents(system: System, seconds: number): Promise<Record<string, number>> {
  const meter = new Meter(() => {
    const ofSystem = system.processes();
    const others = new Set([process.pid, ...Object.values(ofSystem).flat()]);
    return { ...ofSystem, chromium: processTree(process.pid).filter((pid) => !others.has(pid)) };
  });
  await delay(seconds * 1000);
  const used = meter.stop();
  return Object.fromEntries(
    Object.entries(used).map(([name, { cpuSeconds }]) => [name, (100 * (cpuSeconds ?? 0)) / seconds]),
  );
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium, type Browser } from 'playwright-core';
import { signToken } from '../../src/keys/key-set.js';
import { chromiumBinary } from '../../test/support/browser.js';
import { startReceiver } from '../../test/support/webhook-receiver.js';
import { signTokens } from '../system/tokens.js';
import { airlines, sendWeek, startWithAirlines, TENANT } from './week.js';

/**
 * `npx tsx bench/console/pictures.ts [directory]`: takes the pictures of the console that the documentation has, of a node
 * with the week of flights; default: into a new directory, which is printed.
 */
const TO = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'headgate-pictures-'));
/** Until plots have some points, and what fails has failed. */
const WAIT_MS = 60_000;

const PICTURES = [
  { name: 'console-overview', path: 'overview', scheme: 'light', width: 1280, height: 900 },
  { name: 'console-phone', path: 'overview', scheme: 'dark', width: 390, height: 844 },
  { name: 'console-status', path: 'status', scheme: 'light', width: 1280, height: 640 },
  { name: 'console-event', path: 'event', scheme: 'light', width: 1280, height: 900 },
  { name: 'console-usage', path: 'usage', scheme: 'light', width: 1280, height: 900 },
  { name: 'console-audit-log', path: 'audit-log', scheme: 'dark', width: 1280, height: 640 },
] as const;

async function main(): Promise<void> {
  const executablePath = chromiumBinary();
  if (executablePath === undefined) throw new Error('There is no Chromium.');
  const receiver = await startReceiver(({ path }) => (path.startsWith('/hook') ? 500 : 204));
  const system = await startWithAirlines(`http://127.0.0.1:${receiver.port}`);
  const browser = await chromium.launch({ executablePath, chromiumSandbox: false });
  try {
    const tokens = await signTokens(system.dataDir, airlines());
    const own = await signToken(system.dataDir, {
      tenant: TENANT,
      issuer: 'headgate',
      audience: 'headgate',
      expiresInSeconds: 3_600,
      scope: 'admin',
      subject: 'ada@example.com',
    });
    await change(system.url, own);
    const sending = sendWeek(system.url, tokens);
    await Promise.all([sending, delay(WAIT_MS)]);
    const event = await deadEvent(system.url, own);
    for (const picture of PICTURES) {
      const path = picture.path === 'event' ? `events/${encodeURIComponent(event)}` : picture.path;
      await take(browser, system.url, { ...picture, path }, own);
    }
    console.log(TO);
  } catch (error) {
    rmSync(TO, { recursive: true, force: true });
    throw error;
  } finally {
    await browser.close();
    await system.stop();
    await receiver.stop();
  }
}

/** Something for the audit log. */
async function change(url: string, token: string): Promise<void> {
  for (const to of ['pause', 'resume'])
    await fetch(`${url}/v1/subscriptions/partner/${to}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'the partner moves to another address' }),
    });
}

async function deadEvent(url: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/v1/dead-letters?limit=1`, { headers });
  const { deadLetters } = (await answer.json()) as { deadLetters: { firstEvent: string }[] };
  return deadLetters[0]?.firstEvent ?? '';
}

async function take(
  browser: Browser,
  url: string,
  {
    name,
    path,
    scheme,
    width,
    height,
  }: { name: string; path: string; scheme: 'light' | 'dark'; width: number; height: number },
  token: string,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  await page.goto(`${url}/console#/${path}`);
  await page.getByLabel('Token').fill(token);
  await page.getByLabel('Token').press('Enter');
  await page.waitForLoadState('networkidle', { timeout: 5_000 }).catch(() => undefined);
  await delay(12_000);
  await page.screenshot({ path: join(TO, `${name}.png`) });
  await context.close();
}

await main();

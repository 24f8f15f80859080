import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';

/** A page of a browser, and what is wrong with what has happened in it. */
export interface WatchedPage {
  readonly page: Page;
  /** What the console of the browser says: errors, and what the Content-Security-Policy has blocked. */
  readonly complaints: string[];
  /** Every address that was asked for. */
  readonly requests: string[];
}

/** What {@link openPage} may be asked for. */
interface PageOptions {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** For what a page shows, on a machine that is busy. */
const PATIENCE_MS = 15_000;

/** Debian's Chromium in the PATH, or what HEADGATE_TEST_CHROMIUM names; undefined where there is none. */
export function chromiumBinary(): string | undefined {
  const named = process.env.HEADGATE_TEST_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) =>
    ['chromium', 'google-chrome'].map((name) => join(folder, name)),
  );
  return named ?? candidates.find((path) => existsSync(path));
}

/** Starts a headless Chromium. */
export function startBrowser(binary: string): Promise<Browser> {
  // Tests run as root in containers, where its own sandbox does not start.
  return chromium.launch({ executablePath: binary, chromiumSandbox: false });
}

/** Opens a page of its own, with nothing that another has kept. */
export async function openPage(
  browser: Browser,
  { width = 1280, colorScheme = 'light' }: PageOptions = {},
): Promise<WatchedPage> {
  const page = await browser.newPage({
    viewport: { width, height: 800 },
    colorScheme,
    reducedMotion: 'reduce',
  });
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  return { page, complaints, requests };
}

/** What axe finds that people could not use: a line for each. */
export async function inaccessible(page: Page): Promise<string[]> {
  await page.evaluate(axeSource());
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
  return violations.map(({ id, nodes: [node] }) => `${id}: ${node?.html} ${node?.failureSummary}`);
}

let axe: string | undefined;

function axeSource(): string {
  axe ??= readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  return axe;
}

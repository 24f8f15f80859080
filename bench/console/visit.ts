import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** How long a page took, in milliseconds. */
export interface Visit {
  /** From the start of the navigation to the form that asks for a token. */
  readonly formMs: number;
  /** From the token to the page with all that it shows. */
  readonly shownMs: number;
}

const CALM_MS = 250;
const MOST_MS = 20_000;

/** Notes, in the page itself, when the form is there, when it is sent, and when the page awaits nothing any more. */
const WATCH = `(() => {
  const seen = (globalThis.seen = {});
  const look = () => {
    seen.form ??= document.querySelector('input[name=token]') === null ? undefined : performance.now();
    const main = document.querySelector('main:not(.log-in)');
    const waits = main === null || main.querySelector('h1') === null || /Loading/.test(main.textContent) ||
      main.querySelector('.plot:empty') !== null;
    seen.shown = waits ? undefined : (seen.shown ?? performance.now());
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  addEventListener('submit', () => (seen.sent ??= performance.now()), true);
})()`;

/** A browser's memory of its own: nothing is cached in it yet. */
export async function openContext(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(WATCH);
  return context;
}

/** Opens a page of the console, and logs in. */
export async function visit(page: Page, url: string, path: string, token: string): Promise<Visit> {
  await page.goto(`${url}/console#/${path}`);
  const input = page.getByLabel('Token');
  await input.fill(token);
  await input.press('Enter');
  const seen = await settled(page);
  return { formMs: seen.form, shownMs: seen.shown - seen.sent };
}

interface Seen {
  readonly form: number;
  readonly sent: number;
  readonly shown?: number;
  readonly now: number;
}

/** What is drawn twice within a moment, as an answer that leads to another question, counts to its end. */
async function settled(page: Page): Promise<Seen & { readonly shown: number }> {
  const until = performance.now() + MOST_MS;
  while (performance.now() < until) {
    const seen = (await page.evaluate('({ ...seen, now: performance.now() })')) as Seen;
    const { shown } = seen;
    if (shown !== undefined && seen.now - shown > CALM_MS) return { ...seen, shown };
    await delay(CALM_MS / 4);
  }
  throw new Error(`${page.url()} was not there after ${MOST_MS} ms.`);
}

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { signToken, type TokenClaims } from '../../src/keys/key-set.js';
import {
  chromiumBinary,
  inaccessible,
  openPage,
  startBrowser,
  type WatchedPage,
} from '../support/browser.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { until } from '../support/until.js';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const WITHIN_MS = 30_000;
const ISSUED = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
/** What would run if anything were not escaped. */
const MARKUP = '<img src=x onerror="document.title=1">';

const TENANT = {
  aggregates: { spent: { on: ['order.paid'], op: 'sum', value: 'event.data.amount', window: '30 days' } },
  rules: [{ name: 'free_shipping', on: ['order.paid'], when: 'aggregates.spent >= 100' }],
};

interface Waiting {
  readonly id: string;
  readonly batchId: string;
}

describe('the console in a browser', function () {
  this.timeout(180_000);
  let dir: string;
  let receiver: WebhookReceiver;
  let browser: Browser;
  let url: string;
  let deadLetter: Waiting;
  let replay: string;
  let fails = true;

  before(async function () {
    const binary = chromiumBinary();
    if (binary === undefined) {
      console.log('      skipped: there is no chromium (Debian: apt-get install chromium)');
      this.skip();
    }
    browser = await startBrowser(binary);
    dir = await mkdtemp(join(tmpdir(), 'headgate-console-'));
    receiver = await startReceiver((_request, response) => {
      if (fails) response.writeHead(500).end(`no space ${MARKUP}`);
      else response.writeHead(204).end();
    });
    mkdirSync(join(dir, 'tenants'));
    const subscriptions = [
      { name: 'crm', kind: 'push', url: receiver.url, retry: { schedule: [] } },
      { name: 'analytics', kind: 'pull' },
    ];
    const routes = [{ match: { type: 'order.paid' }, to: ['crm', 'analytics'] }];
    const acme = { tenant: 'acme', ...TENANT, subscriptions, routes };
    writeFileSync(join(dir, 'tenants', 'acme.yaml'), JSON.stringify(acme));
    writeFileSync(join(dir, 'tenants', 'other.yaml'), JSON.stringify({ tenant: 'other', ...TENANT }));
    const environment = { ...(await nodeEnvironment(dir)), HEADGATE_PUSH_ALLOW: '127.0.0.0/8' };
    ({ url } = await spawnHeadgate(['start'], environment).ready());
    deadLetter = await newDeadLetter('order-1');
    ({ id: replay } = await ask<{ id: string }>('POST', '/v1/replays', { rules: 'current', dryRun: true }));
  });
  after(async () => {
    await browser?.close();
    await killAll();
    await receiver?.stop();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  const token = (claims: Partial<TokenClaims> = { tenant: 'acme' }): Promise<string> =>
    signToken(dir, { scope: 'admin', subject: 'ops@example.com', ...ISSUED, ...claims });

  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, text);
    return JSON.parse(text) as T;
  }

  /** One of an event, which is sent for it; what is open of the breaker is closed first. */
  async function newDeadLetter(id: string): Promise<Waiting> {
    await ask('POST', '/v1/subscriptions/crm/resume');
    const event = { specversion: '1.0', id, source: '/shop', type: 'order.paid', subject: 'c-8' };
    await ask('POST', '/v1/events', { ...event, data: { amount: 60, note: MARKUP } });
    return until(async () => {
      const { deadLetters } = await ask<{ deadLetters: (Waiting & { firstEvent: string })[] }>(
        'GET',
        '/v1/dead-letters',
      );
      const found = deadLetters.find(({ firstEvent }) => firstEvent === id);
      assert.ok(found, 'none yet');
      return found;
    }, WITHIN_MS);
  }

  async function logIn(
    options?: Parameters<typeof openPage>[1],
    claims?: Partial<TokenClaims>,
  ): Promise<WatchedPage> {
    const watched = await openPage(browser, options);
    await watched.page.goto(`${url}/console`);
    await watched.page.getByLabel('Token').fill(await token(claims));
    await watched.page.keyboard.press('Enter');
    await watched.page.getByRole('navigation').waitFor();
    return watched;
  }

  async function show(page: Page, path: string): Promise<void> {
    await page.evaluate(`location.hash = ${JSON.stringify(`#/${path}`)}`);
  }

  function assertOwn({ complaints, requests }: WatchedPage): void {
    assert.deepEqual(complaints, []);
    assert.deepEqual(
      requests.filter((each) => !each.startsWith(`${url}/`) && !each.startsWith('data:')),
      [],
    );
  }

  async function assertAccessible(page: Page, where: string): Promise<void> {
    assert.deepEqual(await inaccessible(page), [], where);
    const tooWide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    assert.equal(await page.evaluate(tooWide), 0, `${where} is wider than the screen`);
  }

  /** Each page, and what it shows once it is there. */
  const pages = (): Readonly<Record<string, string | RegExp>> => ({
    overview: 'Latest dead letters',
    status: 'Problems, worst first',
    subscriptions: 'tenant.acme.sub.analytics',
    'subscriptions/crm': 'What the receiver answered to the newest',
    events: 'as its producer made it',
    'events?subject=c-8': 'order-1',
    'events/order-1': 'HTTP 500',
    batches: 'batch_id',
    [`batches/${deadLetter.batchId}`]: 'attempts-exhausted',
    'dead-letters': 'HTTP 500 Internal Server Error',
    [`dead-letters/${encodeURIComponent(deadLetter.id)}`]: `no space ${MARKUP}`,
    replays: 'Batches are kept for',
    [`replays/${replay}`]: 'What the rules say now',
    rules: 'aggregates.spent >= 100',
    decisions: 'As events name it',
    'decisions/c-8': 'aggregates.spent',
    'decisions/nobody': 'NOT_FOUND',
    usage: 'Events by day',
    'usage?by=subscription&figure=deliveryAttempts': 'Delivery attempts by day',
    'audit-log': 'resumeSubscription',
    'no-such-page': 'The console has no such page',
  });

  for (const width of [1280, 360]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`has pages that all can use, ${colorScheme} and ${width} pixels wide`, async () => {
        const watched = await logIn({ width, colorScheme });
        const { page } = watched;
        for (const [path, shown] of Object.entries(pages())) {
          await show(page, path);
          await page.getByText(shown).first().waitFor();
          await assertAccessible(page, path);
        }
        // The browser's own log says of an answer of 404 that it was one.
        const complaints = watched.complaints.filter((each) => !each.includes('status of 404'));
        assertOwn({ ...watched, complaints });
        assert.equal(await page.locator('main img').count(), 0);
        await page.close();
      });
    }
  }

  /** Goes on with the Tab key until something of this name has the focus. */
  async function tabTo(page: Page, name: string): Promise<void> {
    const focused = "document.activeElement?.textContent?.trim() ?? ''";
    for (let presses = 0; presses < 60; presses++) {
      if ((await page.evaluate(focused)) === name) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`Tab does not come to ${name}`);
  }

  it('pauses and resumes a subscription by keyboard, and says so', async () => {
    const watched = await logIn();
    const { page } = watched;
    await tabTo(page, 'Subscriptions');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'analytics' }).waitFor();
    await tabTo(page, 'analytics');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await tabTo(page, 'Pause');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Pause analytics?' });
    await dialog.waitFor();
    await assertAccessible(page, 'the dialog');
    await page.keyboard.type('stock-taking');
    await page.keyboard.press('Enter');
    await page.getByText('analytics is paused.').waitFor();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByText('stock-taking').waitFor();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    await tabTo(page, 'Resume');
    await page.keyboard.press('Enter');
    await page.getByText('analytics is active.').waitFor();
    const { state } = await ask<{ state: string }>('GET', '/v1/subscriptions/analytics');
    assert.equal(state, 'active');
    assertOwn(watched);
    await page.close();
  });

  it('discards a dead letter after it has asked, and with a reason alone', async () => {
    const { id } = await newDeadLetter('order-2');
    const { page } = await logIn();
    await show(page, `dead-letters/${encodeURIComponent(id)}`);
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.keyboard.press('Escape');
    assert.equal((await ask<{ status: string }>('GET', `/v1/dead-letters/${id}`)).status, 'dead-letter');
    await page.getByRole('button', { name: 'Discard' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Discard' }).click();
    assert.ok(await dialog.isVisible(), 'it wants a reason');
    await dialog.getByLabel('Reason').fill('a test');
    await dialog.getByRole('button', { name: 'Discard' }).click();
    await page.getByText('The dead letter is discarded.').waitFor();
    await page.getByText('ops@example.com: a test').waitFor();
    await page.close();
  });

  it('redrives a dead letter by keyboard', async () => {
    const watched = await logIn();
    const { page } = watched;
    await ask('POST', '/v1/subscriptions/crm/resume');
    fails = false;
    try {
      await show(page, `dead-letters/${encodeURIComponent(deadLetter.id)}`);
      await page.getByRole('button', { name: 'Redrive' }).waitFor();
      await tabTo(page, 'Redrive');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog', { name: 'Redrive this dead letter?' }).waitFor();
      await page.keyboard.type('the disk has room again');
      await page.keyboard.press('Enter');
      await page.getByText('The dead letter is redriven.').waitFor();
      await page.getByText('1 delivered, 0 dead-lettered again').waitFor({ timeout: WITHIN_MS });
    } finally {
      fails = true;
    }
    assertOwn(watched);
    await page.close();
  });

  it('redrives all that a filter matches, and follows it to its end', async () => {
    await newDeadLetter('order-3');
    const { page } = await logIn();
    await show(page, 'dead-letters');
    const filter = page.getByRole('search');
    await filter.getByLabel('Subscription').fill('crm');
    await filter.getByLabel('Reason').selectOption('attempts-exhausted');
    await filter.getByRole('button', { name: 'Filter' }).click();
    await page.getByRole('button', { name: 'Redrive all that match' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('subscription crm, reason attempts-exhausted').waitFor();
    await dialog.getByRole('button', { name: 'Redrive all that match' }).click();
    await page.getByText('It has ended: completed.').waitFor({ timeout: WITHIN_MS });
    await page.close();
  });

  it('starts a dry run of a replay, and shows its report', async () => {
    const { page } = await logIn();
    await show(page, 'replays');
    await page.getByText('Start a replay').click();
    await page.getByLabel('Subscription').fill('crm');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('heading', { name: 'Would be delivered' }).waitFor({ timeout: WITHIN_MS });
    await page.getByText('yes: nothing is delivered or recorded').waitFor();
    await page.close();
  });

  it('keeps the token in the memory of the page alone', async () => {
    const { page } = await logIn();
    const kept = 'JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])';
    assert.equal(await page.evaluate(kept), '[0,0,""]');
    await page.reload();
    await page.getByLabel('Token').waitFor();
    await page.close();
  });

  it('asks to log in again when the token is refused, and says why', async () => {
    const { page } = await openPage(browser);
    await page.goto(`${url}/console`);
    const [header, claims] = (await token()).split('.');
    await page.getByLabel('Token').fill('nonsense');
    await page.keyboard.press('Enter');
    await page.getByText('This is not a token.').waitFor();
    await page.getByLabel('Token').fill(`${header}.${claims}.${'A'.repeat(86)}`);
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('TOKEN_INVALID').waitFor();
    await page.getByLabel('Token').waitFor();
    await page.close();
  });

  it('shows what a token does not allow, and offers none of it', async () => {
    const { page } = await logIn({}, { tenant: 'acme', scope: 'subscriptions:read' });
    await show(page, 'subscriptions/crm');
    await page.getByText('Task queue').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Pause' }).count(), 0);
    await show(page, 'replays');
    await page.getByRole('alert').getByText('SCOPE_MISSING').waitFor();
    await page.close();
  });

  it('sends a test event, and shows what became of it', async () => {
    const watched = await logIn();
    const { page } = watched;
    await ask('POST', '/v1/subscriptions/crm/resume');
    await show(page, 'subscriptions/crm');
    await page.getByRole('button', { name: 'Send a test event' }).click();
    const test = page.getByRole('region', { name: 'Test' });
    await test.getByText('headgate.subscription.test:crm:').waitFor();
    await test.getByText('dead-lettered').waitFor({ timeout: WITHIN_MS });
    await test.getByRole('link').click();
    await page.getByRole('heading', { name: /^Batch / }).waitFor();
    const body = receiver.requests
      .map((each) => each.body)
      .find((each) => each.includes('subscription.test'));
    assert.match(body ?? '', /"by":"ops@example.com"/);
    assertOwn(watched);
    await page.close();
  });

  it('counts what rules decide, and compares with others in the shadow', async () => {
    const watched = await logIn();
    const { page } = watched;
    await show(page, 'rules');
    await page
      .getByRole('row', { name: /^free_shipping / })
      .getByText('%')
      .waitFor();
    const { rules } = await ask<{ rules: { eligible: number; ineligible: number }[] }>('GET', '/v1/rules');
    const [{ eligible, ineligible } = { eligible: 0, ineligible: 0 }] = rules;
    assert.ok(ineligible > 0 && eligible + ineligible >= 1);
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('heading', { name: 'What the rules say now' }).waitFor({ timeout: WITHIN_MS });
    await show(page, 'rules');
    await page.getByRole('table', { name: 'What would change' }).getByText('free_shipping').waitFor();
    await assertAccessible(page, 'a comparison');
    assertOwn(watched);
    await page.close();
  });

  it('follows what goes on by one stream, and asks for nothing else meanwhile', async () => {
    const watched = await logIn();
    const { page } = watched;
    await page.getByRole('img', { name: /^Events a second: / }).waitFor();
    const asked = () => watched.requests.filter((each) => each.includes('/v1/')).length;
    await page.getByText('Latest dead letters').waitFor();
    const before = asked();
    const event = {
      specversion: '1.0',
      source: '/shop',
      type: 'order.paid',
      subject: 'c-9',
      data: { amount: 1 },
    };
    await ask('POST', '/v1/events', { ...event, id: 'counted-1' });
    await page.getByRole('img', { name: /^Events a second: accepted 0\.[1-9]/ }).waitFor();
    assert.equal(asked(), before);
    assertOwn(watched);
    await page.close();
  });

  it('shows nothing of another tenant, whatever address is opened', async () => {
    const watched = await logIn({}, { tenant: 'other' });
    const { page } = watched;
    await page.getByRole('link', { name: 'warehouse' }).waitFor();
    const answers: string[] = [];
    page.on('response', (response) => {
      if (response.url().includes('/v1/'))
        void response.text().then(
          (text) => answers.push(text),
          () => {},
        );
    });
    for (const [path, shown] of Object.entries(pages())) {
      const isOne = path.includes('/');
      await show(page, path);
      if (isOne)
        await page
          .getByRole('alert')
          .getByText(/NOT_FOUND/)
          .waitFor();
      else if (path.startsWith('usage')) await page.getByText(shown).first().waitFor();
      else await page.getByRole('heading', { level: 1 }).waitFor();
      await until(async () => assert.equal(await page.getByText('Loading').count(), 0), WITHIN_MS);
      const text = await page.locator('main').innerText();
      assert.doesNotMatch(text, /no space|acme|HTTP 500|analytics/, path);
    }
    assert.ok(answers.length > 10);
    for (const text of answers) assert.doesNotMatch(text, /"acme"|"analytics"|no space/);
    await page.close();
  });

  it('lets an operator choose the tenant, and shows that one alone', async () => {
    const watched = await logIn({}, { tenant: undefined, role: 'operator', tenants: ['acme', 'other'] });
    const { page } = watched;
    await page.getByRole('table', { name: 'Tenants' }).getByText('other').waitFor();
    await show(page, 'subscriptions');
    await page.getByText('Choose a tenant first.').waitFor();
    await show(page, 'overview');
    await page.getByLabel('Tenant').fill('acme');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'analytics' }).first().waitFor();
    await assertAccessible(page, 'overview of an operator');
    await page.getByLabel('Tenant').fill('other');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'warehouse' }).first().waitFor();
    assert.equal(await page.getByRole('link', { name: 'analytics' }).count(), 0);
    await show(page, 'tenants');
    const tenants = page.getByRole('table', { name: 'Tenants' });
    await tenants.getByRole('button', { name: 'acme' }).waitFor();
    await page.getByLabel('Most first').selectOption('load');
    await tenants.getByRole('rowheader').first().getByText('acme').waitFor();
    await assertAccessible(page, 'tenants');
    await tenants.getByRole('button', { name: 'acme' }).click();
    await page.getByRole('link', { name: 'analytics' }).first().waitFor();
    assertOwn(watched);
    await page.close();
  });
});

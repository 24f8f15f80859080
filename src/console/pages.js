/** Which pages there are. */
import { html } from './html.js';
import { BatchPage } from './batch.js';
import { DeadLetterPage } from './dead-letter.js';
import { DeadLettersPage } from './dead-letters.js';
import { DecisionsPage } from './decisions.js';
import { OperationPage } from './operation.js';
import { OverviewPage } from './overview.js';
import { ReplayPage } from './replay.js';
import { ReplaysPage } from './replays.js';
import { SubscriptionPage } from './subscription.js';
import { SubscriptionsPage } from './subscriptions.js';

/**
 * Each with its name in addresses. `one` shows one thing by its name or id. A page that needs an operation is there where
 * this version of the API has it. `everySeconds`: it is kept up to date.
 */
const PAGES = [
  { name: 'overview', title: 'Overview', view: OverviewPage },
  { name: 'subscriptions', title: 'Subscriptions', view: SubscriptionsPage, one: SubscriptionPage },
  { name: 'find', title: 'Find an event', needs: 'GET /v1/events/{id}', view: OperationPage },
  { name: 'batches', title: 'Batches', view: BatchPage, one: BatchPage },
  { name: 'dead-letters', title: 'Dead letters', view: DeadLettersPage, one: DeadLetterPage },
  { name: 'replays', title: 'Replays', view: ReplaysPage, one: ReplayPage },
  { name: 'decisions', title: 'Decisions', view: DecisionsPage, one: DecisionsPage },
  { name: 'usage', title: 'Usage', needs: 'GET /v1/usage', view: OperationPage },
  { name: 'audit-log', title: 'Audit log', needs: 'GET /v1/audit-log', view: OperationPage },
  {
    name: 'status',
    title: 'Status',
    needs: 'GET /v1/status',
    view: OperationPage,
    withoutTenant: true,
    everySeconds: 4,
  },
];

/** The pages that this version of the API has what it takes for. */
export function pagesOf(operations) {
  return PAGES.filter(({ needs }) => needs === undefined || operations.has(needs));
}

/** The page at a location: what it is called, and the component that shows it. */
export function pageOf(pages, { parts: [name = 'overview', id] }) {
  const page = pages.find((each) => each.name === name);
  if (page === undefined) return { title: 'Not found', view: NotFound };
  const view = id === undefined ? page.view : (page.one ?? page.view);
  const shown = page.needs === undefined ? view : asPageOf(page);
  return { page, title: id === undefined ? page.title : `${id} · ${page.title}`, view: shown };
}

const asked = new Map();

/** The same component each time: otherwise it would begin anew whenever anything is drawn. */
function asPageOf(page) {
  const view = asked.get(page) ?? ((props) => html`<${page.view} page=${page} ...${props} />`);
  asked.set(page, view);
  return view;
}

function NotFound() {
  return html`<h1>Not found</h1>
    <p>The console has no such page. <a href="#/overview">To the overview</a></p>`;
}

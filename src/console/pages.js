/** Which pages there are. */
import { html } from './html.js';
import { AuditLogPage } from './audit-log.js';
import { BatchPage } from './batch.js';
import { DeadLetterPage } from './dead-letter.js';
import { DeadLettersPage } from './dead-letters.js';
import { DecisionsPage } from './decisions.js';
import { EventPage, EventsPage } from './events.js';
import { OverviewPage } from './overview.js';
import { ReplayPage } from './replay.js';
import { ReplaysPage } from './replays.js';
import { RulesPage } from './rules.js';
import { StatusPage } from './status.js';
import { SubscriptionPage } from './subscription.js';
import { SubscriptionsPage } from './subscriptions.js';
import { TenantsPage } from './tenants.js';
import { UsagePage } from './usage.js';

/**
 * Each with its name in addresses. `one` shows one thing by its name or id. `ofAll`: also while an operator has chosen no
 * tenant; `operators`: for them alone.
 */
const PAGES = [
  { name: 'overview', title: 'Overview', view: OverviewPage, ofAll: true },
  { name: 'tenants', title: 'Tenants', view: TenantsPage, ofAll: true, operators: true },
  { name: 'status', title: 'Status', view: StatusPage, ofAll: true },
  { name: 'subscriptions', title: 'Subscriptions', view: SubscriptionsPage, one: SubscriptionPage },
  { name: 'events', title: 'Events', view: EventsPage, one: EventPage },
  { name: 'batches', title: 'Batches', view: BatchPage, one: BatchPage },
  { name: 'dead-letters', title: 'Dead letters', view: DeadLettersPage, one: DeadLetterPage },
  { name: 'replays', title: 'Replays', view: ReplaysPage, one: ReplayPage },
  { name: 'rules', title: 'Rules', view: RulesPage },
  { name: 'decisions', title: 'Decisions', view: DecisionsPage, one: DecisionsPage },
  { name: 'usage', title: 'Usage', view: UsagePage, ofAll: true },
  { name: 'audit-log', title: 'Audit log', view: AuditLogPage, ofAll: true },
];

/** The pages that somebody may see. */
export function pagesOf({ operator }) {
  return PAGES.filter(({ operators }) => operators !== true || operator);
}

/** The page at a location: what it is called, and the component that shows it. */
export function pageOf(pages, { parts: [name = 'overview', id] }) {
  const page = pages.find((each) => each.name === name);
  if (page === undefined) return { title: 'Not found', view: NotFound };
  if (id === undefined) return { page, title: page.title, view: page.view };
  return { page, title: `${id} · ${page.title}`, view: page.one ?? page.view };
}

function NotFound() {
  return html`<h1>Not found</h1>
    <p>The console has no such page. <a href="#/overview">To the overview</a></p>`;
}

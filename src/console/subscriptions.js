import { html } from './html.js';
import { useAnswer } from './asking.js';
import { countText, durationText } from './format.js';
import { at } from './location.js';
import { Answer, Heading, State, Table } from './parts.js';

const SECONDS_BETWEEN = 4;

/** The subscriptions of the tenant, kept up to date. */
export function useSubscriptions() {
  return useAnswer('/v1/subscriptions', { everySeconds: SECONDS_BETWEEN });
}

/** What delivers all the same, and somebody may want to look at. */
function slownessOf({ slow, expensive }) {
  return slow !== undefined ? 2 : expensive !== undefined ? 1 : 0;
}

const SEVERITY = { disabled: 5, 'breaker-open': 4, paused: 2, draining: 1, active: 0 };

/** Worst first: what does not deliver, what fails, then what waits longest. */
export function worstFirst(subscriptions) {
  const badness = (each) =>
    Math.max(SEVERITY[each.state] ?? 3, each.failing === undefined ? 0 : 3, slownessOf(each));
  return [...subscriptions].sort(
    (one, other) => badness(other) - badness(one) || other.waiting.oldestSeconds - one.waiting.oldestSeconds,
  );
}

/** What waits for a subscription, in words. */
export function waitingText({ batches, windows }) {
  return windows === undefined
    ? countText(batches ?? 0, 'batch', 'batches')
    : countText(windows, 'load window');
}

/** How many batches, or load windows, wait for a subscription. */
export const waitingCount = ({ waiting }) => waiting.batches ?? waiting.windows ?? 0;

/** How a subscription stands, and that it fails. */
export function Stands({ of: { state, failing, slow, expensive } }) {
  return html`<${State}
      of=${state}
    />${failing && state !== 'breaker-open' && html` <span class="state bad">failing</span>`}
    ${slow && html` <span class="state bad">slow</span>`}
    ${expensive && html` <span class="state">expensive</span>`}`;
}

/** A link to a subscription's page. */
export function SubscriptionLink({ name }) {
  return html`<a href=${at(['subscriptions', name])}>${name}</a>`;
}

const COLUMNS = [
  { name: 'Name', of: ({ name }) => html`<${SubscriptionLink} name=${name} />` },
  { name: 'State', of: (each) => html`<${Stands} of=${each} />` },
  { name: 'Waiting', of: ({ waiting }) => waitingText(waiting), number: true },
  { name: 'Oldest', of: ({ waiting }) => durationText(waiting.oldestSeconds), number: true },
];

const MORE_COLUMNS = [
  ...COLUMNS.slice(0, 1),
  { name: 'Kind', of: ({ kind }) => kind },
  ...COLUMNS.slice(1),
  { name: 'Goes to', of: ({ url, queue }) => html`<code>${url ?? queue ?? 'this process'}</code>` },
];

/** A table of subscriptions. */
export function SubscriptionTable({ subscriptions, more = false }) {
  return html`<${Table}
    label="Subscriptions"
    columns=${more ? MORE_COLUMNS : COLUMNS}
    rows=${subscriptions}
    keyOf=${({ name }) => name}
  />`;
}

/** All subscriptions, in the order of the tenant's file. */
export function SubscriptionsPage() {
  return html`
    <${Heading} title="Subscriptions" />
    <${Answer} of=${useSubscriptions()}>
      ${({ subscriptions }) => html`<${SubscriptionTable} subscriptions=${subscriptions} more />`}
    <//>
  `;
}

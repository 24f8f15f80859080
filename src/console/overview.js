import { useEffect, useRef } from 'preact/hooks';
import { html } from './html.js';
import { ActivityPlots, rateText } from './activity-plots.js';
import { useAnswer } from './asking.js';
import { DeadLetterTable } from './dead-letters.js';
import { countText, durationText, numberText } from './format.js';
import { useActivity } from './live.js';
import { Answer, Heading } from './parts.js';
import { say } from './said.js';
import { may } from './session.js';
import { SubscriptionTable, worstFirst } from './subscriptions.js';
import { Sum } from './sums.js';
import { TenantTable } from './tenants.js';

const MOST_DEAD_LETTERS = 100;
const SHOWN_DEAD_LETTERS = 5;

/** How the tenant is, or all of an operator's: the worst first. */
export function OverviewPage({ session }) {
  const activity = useActivity();
  const subscriptions = useStanding(activity.value);
  useChangesSaid(subscriptions);
  return html`
    <${Heading} title="Overview" />
    <${Answer} of=${activity}>
      ${(value) => html`
        ${value.tenants ? html`<${SumsOfAll} of=${value} />` : html`<${Sums} of=${value} subscriptions=${subscriptions} />`}
        <h2>The last half hour</h2>
        <${ActivityPlots} samples=${value.samples} />
        ${
          value.tenants
            ? html`<h2>Tenants, worst first</h2>
                <${TenantTable} tenants=${value.tenants} />`
            : html`<h2>Subscriptions, worst first</h2>
                <${SubscriptionTable} subscriptions=${worstFirst(subscriptions)} />`
        }
      `}
    <//>
    ${session.tenant !== undefined && may('dead-letters:read') && html`<${LatestDeadLetters} />`}
  `;
}

/** Subscriptions of an answer as pages show them; the same array as long as the answer is. */
function useStanding(value) {
  const last = useRef({ subscriptions: [] });
  if (last.current.value !== value)
    last.current = { value, subscriptions: value?.subscriptions?.map(standing) ?? [] };
  return last.current.subscriptions;
}

function standing({ batches, oldestSeconds, name, ...rest }) {
  const waiting = name === 'warehouse' ? { windows: batches, oldestSeconds } : { batches, oldestSeconds };
  return { ...rest, name, waiting };
}

function Sums({ of: { samples }, subscriptions }) {
  const failing = subscriptions.filter((each) => each.failing !== undefined || each.state === 'disabled');
  const stopped = subscriptions.filter(({ state }) => state === 'paused' || state === 'draining');
  return html`<dl class="sums">
    <${Sum} name="Failing" value=${numberText(failing.length)} bad=${failing.length > 0} />
    <${Sum} name="Paused or draining" value=${numberText(stopped.length)} />
    <${Rates} of=${samples.at(-1)} />
  </dl>`;
}

function SumsOfAll({ of: { samples, tenants } }) {
  const failing = tenants.filter((each) => each.failing > 0);
  return html`<dl class="sums">
    <${Sum} name="Tenants with failures" value=${numberText(failing.length)} bad=${failing.length > 0} />
    <${Rates} of=${samples.at(-1)} />
  </dl>`;
}

function Rates({ of }) {
  const { acceptedEvents = 0, delivered = 0, failed = 0, ...waits } = of ?? {};
  const longest = Math.max(0, waits.spoolSeconds ?? 0, waits.loadSeconds ?? 0, waits.deliverySeconds ?? 0);
  return html`
    <${Sum} name="Accepted a second" value=${rateText(acceptedEvents)} />
    <${Sum} name="Delivered a second" value=${rateText(delivered)} />
    <${Sum} name="Failed tries a second" value=${rateText(failed)} bad=${failed > 0} />
    <${Sum} name="Longest wait" value=${durationText(longest)} />
  `;
}

function LatestDeadLetters() {
  const deadLetters = useAnswer('/v1/dead-letters', {
    query: { limit: MOST_DEAD_LETTERS },
    everySeconds: 30,
  });
  return html`
    <h2>Latest dead letters</h2>
    <${Answer} of=${deadLetters}>
      ${({ deadLetters: latest, nextPageToken }) => html`
        <${DeadLetterTable} deadLetters=${latest.slice(0, SHOWN_DEAD_LETTERS)} />
        ${
          latest.length > SHOWN_DEAD_LETTERS &&
          html`<p>
            <a href="#/dead-letters">
              ${`All ${numberText(latest.length)}${nextPageToken === undefined ? '' : ' or more'} dead letters`}
            </a>
          </p>`
        }
      `}
    <//>
  `;
}

/** Says what has changed since the last look: numbers change all the time, states seldom. */
function useChangesSaid(subscriptions) {
  const last = useRef();
  useEffect(() => {
    const before = last.current;
    if (subscriptions.length === 0 || before === subscriptions) return;
    last.current = subscriptions;
    if (before === undefined) {
      say(`${countText(subscriptions.length, 'subscription')} shown.`);
      return;
    }
    const known = new Map(before.map((each) => [each.name, phraseOf(each)]));
    const changed = subscriptions.filter((each) => known.get(each.name) !== phraseOf(each));
    if (changed.length > 0) say(changed.map((each) => `${each.name} is ${phraseOf(each)}.`).join(' '));
  }, [subscriptions]);
}

function phraseOf({ state, failing, slow }) {
  if (failing !== undefined) return `${state} and failing`;
  return slow === undefined ? state : `${state} and slow`;
}

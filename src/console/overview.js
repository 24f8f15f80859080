import { useEffect, useRef, useState } from './hooks.js';
import { html } from './html.js';
import { useAnswer } from './asking.js';
import { DeadLetterTable } from './dead-letters.js';
import { countText, durationText, numberText } from './format.js';
import { Answer, Heading } from './parts.js';
import { Plot } from './plot.js';
import { say } from './said.js';
import { may } from './session.js';
import { SubscriptionTable, useSubscriptions, waitingCount, worstFirst } from './subscriptions.js';

/** At one look each four seconds, an hour. */
const MOST_LOOKS = 900;
const MOST_LINES = 6;
const MOST_DEAD_LETTERS = 200;
const SHOWN_DEAD_LETTERS = 5;

/** Whole numbers: there is no half of a batch. */
const OF_COUNTS = Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((each) => each * 10 ** power)).flat();
const OF_SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, ...days()];

function days() {
  return OF_COUNTS.map((each) => each * 86_400);
}

/** How the tenant is: the worst first. */
export function OverviewPage() {
  const subscriptions = useSubscriptions();
  const reads = may('dead-letters:read');
  const deadLetters = useAnswer(reads ? '/v1/dead-letters' : undefined, {
    query: { limit: MOST_DEAD_LETTERS },
    everySeconds: 15,
  });
  const looks = useLooks(subscriptions.value?.subscriptions);
  useChangesSaid(subscriptions.value?.subscriptions);
  return html`
    <${Heading} title="Overview" />
    <${Answer} of=${subscriptions}>
      ${({ subscriptions: all }) => html`
        <${Sums} subscriptions=${all} deadLetters=${deadLetters.value} />
        <h2>Subscriptions, worst first</h2>
        <${SubscriptionTable} subscriptions=${worstFirst(all)} />
        <${Plots} subscriptions=${all} looks=${looks} />
      `}
    <//>
    ${
      reads &&
      html`<h2>Latest dead letters</h2>
        <${Answer} of=${deadLetters}>
          ${({ deadLetters: latest }) => html`
            <${DeadLetterTable} deadLetters=${latest.slice(0, SHOWN_DEAD_LETTERS)} />
            ${latest.length > SHOWN_DEAD_LETTERS && html`<p><a href="#/dead-letters">All dead letters</a></p>`}
          `}
        <//>`
    }
  `;
}

function Sums({ subscriptions, deadLetters }) {
  const failing = subscriptions.filter((each) => each.failing !== undefined || each.state === 'disabled');
  const stopped = subscriptions.filter(({ state }) => state === 'paused' || state === 'draining');
  const oldest = Math.max(0, ...subscriptions.map(({ waiting }) => waiting.oldestSeconds));
  const waiting = subscriptions.reduce((sum, each) => sum + waitingCount(each), 0);
  const letters = deadLetters?.deadLetters.length;
  const more = deadLetters?.nextPageToken !== undefined;
  return html`<dl class="sums">
    <${Sum} name="Failing" value=${numberText(failing.length)} bad=${failing.length > 0} />
    <${Sum} name="Paused or draining" value=${numberText(stopped.length)} />
    <${Sum} name="Batches and load windows that wait" value=${numberText(waiting)} />
    <${Sum} name="Longest wait" value=${durationText(oldest)} />
    ${
      letters !== undefined &&
      html`<${Sum}
        name="Dead letters"
        value=${`${numberText(letters)}${more ? ' or more' : ''}`}
        bad=${letters > 0}
      />`
    }
  </dl>`;
}

function Sum({ name, value, bad = false }) {
  return html`<div class=${bad ? 'bad' : ''}>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** What was seen since the page was opened. */
function useLooks(subscriptions) {
  const looks = useRef([]);
  const last = useRef();
  if (subscriptions !== undefined && last.current !== subscriptions) {
    last.current = subscriptions;
    const seen = new Map(subscriptions.map((each) => [each.name, each]));
    looks.current = [...looks.current.slice(1 - MOST_LOOKS), { at: Date.now() / 1000, seen }];
  }
  return looks.current;
}

function Plots({ subscriptions, looks }) {
  const names = worstFirst(subscriptions)
    .filter(({ kind }) => kind !== 'eligibility')
    .slice(0, MOST_LINES)
    .map(({ name }) => name);
  // The lines stay as they are while the page is open: colors that change places say nothing.
  const [kept] = useState(names);
  const linesOf = (value) =>
    kept.map((name) => ({
      name,
      values: looks.map(({ seen }) => (seen.has(name) ? value(seen.get(name)) : null)),
    }));
  const times = looks.map(({ at }) => at);
  if (kept.length === 0) return null;
  return html`<h2>Since this page was opened</h2>
    <div class="plots">
      <${Plot}
        label="Waiting"
        times=${times}
        lines=${linesOf(waitingCount)}
        unit=${numberText}
        steps=${OF_COUNTS}
      />
      <${Plot}
        label="Longest wait"
        times=${times}
        lines=${linesOf(({ waiting }) => waiting.oldestSeconds)}
        unit=${durationText}
        steps=${OF_SECONDS}
      />
    </div>`;
}

/** Says what has changed since the last look: numbers change all the time, states seldom. */
function useChangesSaid(subscriptions) {
  const last = useRef();
  useEffect(() => {
    const before = last.current;
    if (subscriptions === undefined || before === subscriptions) return;
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

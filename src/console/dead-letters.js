import { useEffect, useState } from 'preact/hooks';
import { html } from './html.js';
import { useAction, useAnswer } from './asking.js';
import { part } from './api.js';
import { Confirm } from './confirm.js';
import { countText, numberText, timeText } from './format.js';
import { at, go } from './location.js';
import {
  Answer,
  Facts,
  Field,
  Heading,
  onSubmit,
  Problem,
  State,
  Table,
  TemporalLink,
  Time,
  Verbatim,
} from './parts.js';
import { say } from './said.js';
import { may } from './session.js';
import { fromLocal, toLocal } from './times.js';

const COLUMNS = [
  {
    name: 'Given up',
    of: ({ id, parkedAt }) => html`<a href=${at(['dead-letters', id])}>${timeText(parkedAt)}</a>`,
  },
  {
    name: 'Subscription',
    of: ({ subscription }) => html`<a href=${at(['subscriptions', subscription])}>${subscription}</a>`,
  },
  { name: 'Reason', of: ({ reason }) => html`<code>${reason}</code>` },
  { name: 'What happened', of: ({ detail }) => detail },
  { name: 'Events', of: ({ count }) => numberText(count), number: true },
];

/** A table of dead letters. @param {{ deadLetters: object[], without?: string }} props `without`: a column that says nothing */
export function DeadLetterTable({ deadLetters, without }) {
  return html`<${Table}
    label="Dead letters"
    columns=${COLUMNS.filter(({ name }) => name !== without)}
    rows=${deadLetters}
    keyOf=${({ id }) => id}
    empty="There are no dead letters."
  />`;
}

/** Attempts to deliver an event, with what the receiver has answered. */
export function Attempts({ of }) {
  if (of.length === 0) return html`<p class="faint">No attempt is kept.</p>`;
  return html`<ol class="attempts">
    ${of.map(
      ({ attempt, outcome, at: ended, status, error, ms, response, responseOmitted }) =>
        html`<li key=${attempt}>
          <span class="apart">
            <${State} of=${outcome} />
            <span>${wordsOf({ attempt, status, ms })}</span>
            <${Time} at=${ended} />
          </span>
          ${error && html`<p>${error}</p>`}
          ${response && html`<${Verbatim} label=${`Answer to attempt ${attempt}`} text=${response} />`}
          ${responseOmitted && html`<p class="faint">There was too much to keep: this answer was left out.</p>`}
        </li>`,
    )}
  </ol>`;
}

function wordsOf({ attempt, status, ms }) {
  const words = [
    `Attempt ${attempt}`,
    status !== undefined && `HTTP ${status}`,
    ms !== undefined && `${numberText(Math.round(ms))} ms`,
  ];
  return words.filter(Boolean).join(', ');
}

/** The dead letters that wait, with a filter, and what can be done with all that it matches. */
export function DeadLettersPage({ location }) {
  const { pageToken, ...filter } = location.query;
  const page = useAnswer('/v1/dead-letters', { query: { ...filter, pageToken, limit: 50 } });
  return html`
    <${Heading} title="Dead letters" />
    <${Filter} filter=${filter} />
    ${may('dead-letters:write') && html`<${OfMany} filter=${filter} onEnded=${page.refresh} />`}
    <${Answer} of=${page}>
      ${({ deadLetters, nextPageToken }) => html`
        <${DeadLetterTable} deadLetters=${deadLetters} />
        <p class="actions">
          ${pageToken && html`<a href=${at(['dead-letters'], filter)}>First page</a>`}
          ${nextPageToken && html`<a href=${at(['dead-letters'], { ...filter, pageToken: nextPageToken })}>Next page</a>`}
        </p>
      `}
    <//>
  `;
}

function Filter({ filter }) {
  const reasons = useReasons();
  const send = onSubmit(({ from, to, ...rest }) =>
    go(['dead-letters'], { ...rest, from: fromLocal(from), to: fromLocal(to) }),
  );
  return html`<form
    class="filter"
    role="search"
    aria-label="Dead letters"
    onSubmit=${send}
    key=${JSON.stringify(filter)}
  >
    <${Field} label="Subscription"><input name="subscription" defaultValue=${filter.subscription ?? ''} /><//>
    <${Field} label="Reason">
      <select name="reason">
        <option value="">Any</option>
        ${reasons.map((each) => html`<option value=${each} selected=${each === filter.reason} key=${each}>${each}</option>`)}
      </select>
    <//>
    <${Field} label="Event type" hint="Exact, or as booking.*"
      ><input name="type" defaultValue=${filter.type ?? ''}
    /><//>
    <${Field} label="From"
      ><input name="from" type="datetime-local" defaultValue=${toLocal(filter.from)}
    /><//>
    <${Field} label="To"><input name="to" type="datetime-local" defaultValue=${toLocal(filter.to)} /><//>
    <div class="actions">
      <button type="submit" class="main">Filter</button>
      <a href="#/dead-letters">All</a>
    </div>
  </form>`;
}

let reasons;

/** The reasons that there are, as the description of the API has them: read once, when somebody may choose one. */
function useReasons() {
  const [known, setKnown] = useState([]);
  useEffect(() => {
    reasons ??= readReasons();
    void reasons.then(setKnown, () => (reasons = undefined));
  }, []);
  return known;
}

async function readReasons() {
  const response = await fetch('/openapi.json');
  const { paths } = await response.json();
  return paths['/v1/dead-letters'].get.parameters.find(({ name }) => name === 'reason').schema.enum;
}

function OfMany({ filter, onEnded }) {
  const { busy, error, act } = useAction();
  const [id, setId] = useState();
  const which = Object.entries(filter).map(([name, value]) => `${name} ${value}`);
  const whichText = which.length === 0 ? 'All dead letters of the tenant.' : `All with ${which.join(', ')}.`;
  const run = (verb) => async (reason) => {
    const started = await act(`/v1/dead-letters/${verb}`, { filter, reason });
    if (started !== undefined) setId(started.id);
    return started !== undefined;
  };
  return html`
    <div class="actions">
      <${Confirm}
        label="Redrive all that match"
        question="Redrive all that match?"
        explanation=${`${whichText} Their events are tried again.`}
        reason="optional"
        busy=${busy}
        error=${error}
        onConfirm=${run('redrive')}
      />
      <${Confirm}
        label="Discard all that match"
        question="Discard all that match?"
        explanation=${`${whichText} Their events are given up for good. This cannot be undone.`}
        reason="required"
        danger
        busy=${busy}
        error=${error}
        onConfirm=${run('discard')}
      />
    </div>
    ${id !== undefined && html`<${Following} id=${id} key=${id} onEnded=${onEnded} />`}
  `;
}

const hasEnded = ({ status }) => status !== 'running';

/** How far a redrive or discard of many is. */
function Following({ id, onEnded }) {
  const shown = useAnswer(`/v1/dead-letters/redrives/${part(id)}`, { everySeconds: 1, until: hasEnded });
  const { error, act } = useAction();
  const status = shown.value?.status;
  const ended = shown.value !== undefined && hasEnded(shown.value);
  useEffect(() => {
    if (!ended) return;
    say(`It has ended: ${status}.`);
    onEnded();
  }, [ended]);
  return html`<section class="card" aria-label="Progress">
    <${Answer} of=${shown}>
      ${({ progress, url }) => html`
        <${Facts}
          of=${[
            ['State', html`<${State} of=${status} />`],
            [
              'Done',
              progress && `${numberText(progress.done)} of ${countText(progress.matched, 'dead letter')}`,
            ],
            ['Events', progress && numberText(progress.events)],
            ['Workflow', url && html`<${TemporalLink} url=${url} of="this redrive or discard" />`],
          ]}
        />
        ${progress && html`<progress max=${Math.max(progress.matched, 1)} value=${progress.done} aria-label="Done" />`}
        ${
          status === 'running' &&
          html`<button
            type="button"
            onClick=${() => void act(`/v1/dead-letters/redrives/${part(id)}/cancel`)}
          >
            Cancel
          </button>`
        }
        <${Problem} error=${error} />
      `}
    <//>
  </section>`;
}

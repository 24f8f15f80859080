import { html } from './html.js';
import { part } from './api.js';
import { useAction, useAnswer } from './asking.js';
import { Confirm } from './confirm.js';
import { Attempts } from './dead-letters.js';
import { countText, numberText } from './format.js';
import { at } from './location.js';
import { Answer, Facts, Heading, State, TemporalLink, Time, Verbatim } from './parts.js';
import { say } from './said.js';
import { may } from './session.js';

const EVENTS_SHOWN = 20;

/** One dead letter: its events, and every attempt to deliver each. */
export function DeadLetterPage({ location }) {
  const id = location.parts[1];
  const shown = useAnswer(`/v1/dead-letters/${part(id)}`, {
    query: { limit: EVENTS_SHOWN },
    everySeconds: 4,
  });
  const waits = shown.value?.status === 'dead-letter';
  return html`
    <${Heading} kind="Dead letter" title=${id}>
      ${waits && may('dead-letters:write') && html`<${Resolve} id=${id} count=${shown.value.count} onResolved=${shown.refresh} />`}
    <//>
    <${Answer} of=${shown}>
      ${(letter) => html`
        <${Summary} of=${letter} />
        <h2>Events</h2>
        ${letter.eventsUnreadable && html`<p>${`They cannot be read: ${letter.eventsUnreadable}`}</p>`}
        ${
          letter.eventsTotal > letter.events.length &&
          html`<p>${`The first ${letter.events.length} of ${numberText(letter.eventsTotal)}.`}</p>`
        }
        ${letter.events.map((each) => html`<${DeadEvent} of=${each} key=${each.line} />`)}
      `}
    <//>
  `;
}

function Summary({ of }) {
  const {
    status,
    resolution,
    subscription,
    reason,
    detail,
    attempts,
    count,
    batchId,
    types,
    parkedAt,
    expiresAt,
    url,
  } = of;
  const by = resolution?.by;
  return html`<${Facts}
    of=${[
      ['State', html`<${State} of=${status} />`],
      ['By', by && `${by.actor}${by.reason === undefined ? '' : `: ${by.reason}`}`],
      [
        'Came of it',
        resolution?.delivery &&
          `${numberText(resolution.delivery.delivered)} delivered, ${numberText(resolution.delivery.deadLettered)} dead-lettered again`,
      ],
      ['Subscription', html`<a href=${at(['subscriptions', subscription])}>${subscription}</a>`],
      ['Reason', html`<code>${reason}</code>`],
      ['What happened', detail],
      ['Events', numberText(count)],
      ['Types', types.join(', ')],
      ['Attempts', numberText(attempts)],
      ['Given up', html`<${Time} at=${parkedAt} />`],
      ['Expires', html`<${Time} at=${expiresAt} />`],
      ['Batch', html`<a href=${at(['batches', batchId])}>${batchId}</a>`],
      ['Workflow', url && html`<${TemporalLink} url=${url} of="this dead letter" />`],
    ]}
  />`;
}

function DeadEvent({ of: { line, event, text, attempts } }) {
  return html`<article class="card">
    <h3>${event?.id ?? `Line ${line}`}</h3>
    ${event && html`<p>${event.type}${event.subject === undefined ? '' : ` about ${event.subject}`}</p>`}
    <details>
      <summary>All of it</summary>
      <${Verbatim}
        label=${`Event ${event?.id ?? line} as it is`}
        text=${event ? JSON.stringify(event, undefined, 2) : (text ?? '')}
      />
    </details>
    <h4>Attempts</h4>
    <${Attempts} of=${attempts} />
  </article>`;
}

function Resolve({ id, count, onResolved }) {
  const { busy, error, act } = useAction();
  const resolve = (verb) => async (reason) => {
    const resolved = await act(`/v1/dead-letters/${part(id)}/${verb}`, { reason });
    if (resolved === undefined) return false;
    say(`The dead letter is ${resolved.outcome}.`);
    onResolved();
    return true;
  };
  const events = countText(count, 'event');
  return html`
    <${Confirm}
      label="Redrive"
      question="Redrive this dead letter?"
      explanation=${`${events} will be tried again.`}
      reason="optional"
      busy=${busy}
      error=${error}
      onConfirm=${resolve('redrive')}
    />
    <${Confirm}
      label="Discard"
      question="Discard this dead letter?"
      explanation=${`${events} will be given up for good. This cannot be undone.`}
      reason="required"
      danger
      busy=${busy}
      error=${error}
      onConfirm=${resolve('discard')}
    />
  `;
}

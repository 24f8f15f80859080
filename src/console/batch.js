import { html } from './html.js';
import { part } from './api.js';
import { useAnswer } from './asking.js';
import { countText, numberText, timeText } from './format.js';
import { at, go } from './location.js';
import { Answer, Field, Heading, onSubmit } from './parts.js';
import { Loads, Step } from './way.js';

/** A batch's way, from its workflow to the warehouse and to each subscription. */
export function BatchPage({ location }) {
  const id = location.parts[1];
  const shown = useAnswer(id && `/v1/batches/${part(id)}`, { everySeconds: 4 });
  const find = onSubmit(({ batch }) => go(['batches', batch]));
  return html`
    <${Heading} kind=${id && 'Batch'} title=${id ?? 'Batches'} />
    <form class="filter" role="search" aria-label="Batches" onSubmit=${find}>
      <${Field} label="Batch" hint="Its id: batch_id in the warehouse, and on the page of a dead letter.">
        <input name="batch" autocomplete="off" spellcheck="false" defaultValue=${id ?? ''} required />
      <//>
      <div class="actions"><button type="submit" class="main">Show</button></div>
    </form>
    ${id && html`<${Answer} of=${shown}>${(batch) => html`<${Way} of=${batch} />`}<//>`}
  `;
}

function Way({ of: { stream, workflow, decisions, load, deliveries = [] } }) {
  return html`<ol class="way" aria-label="Its way">
    <${Step} title="Batched" workflow=${workflow} state=${workflow.status}>
      <p>Stream ${stream}.</p>
    <//>
    ${
      decisions &&
      html`<${Step} title="Decided" at=${workflow.closedAt}>
        <p>${`${countText(decisions.evaluated, 'evaluation')} of rules.`}</p>
        <${Eligible} of=${decisions.eligible} />
      <//>`
    }
    ${load && html`<${Loads} of=${load} />`}
    ${deliveries.map((each) => html`<${Delivery} of=${each} key=${`${each.subscription} ${each.priority} ${each.of}`} />`)}
  </ol>`;
}

function Delivery({
  of: {
    subscription,
    of,
    priority,
    state,
    events,
    delivered,
    deadLettered,
    passes,
    pending = [],
    deadLetters,
    workflow,
  },
}) {
  const title = html`<a href=${at(['subscriptions', subscription])}>${subscription}</a>`;
  return html`<${Step} title=${title} workflow=${workflow} state=${state}>
    <p>${sentenceOf({ of, priority, events, delivered, deadLettered, passes })}</p>
    ${
      pending.length > 0 &&
      html`<ul>
        ${pending.map(
          ({ attempts, count, dueAt }) =>
            html`<li key=${attempts}>${pendingText({ attempts, count, dueAt })}</li>`,
        )}
      </ul>`
    }
    ${
      deadLetters.length > 0 &&
      html`<ul>
        ${deadLetters.map(
          ({ id, reason, count, status }) =>
            html`<li key=${id}>
              <a href=${at(['dead-letters', id])}>Dead letter of ${countText(count, 'event')}</a>${': '}
              <code>${reason}</code>${`, ${status}`}
            </li>`,
        )}
      </ul>`
    }
  <//>`;
}

function sentenceOf({ of, priority, events, delivered, deadLettered = 0, passes }) {
  const counts = [
    delivered !== undefined && `${numberText(delivered)} delivered`,
    deadLettered > 0 && `${numberText(deadLettered)} dead-lettered`,
    passes !== undefined && `tried ${countText(passes, 'time')}`,
  ].filter(Boolean);
  const what = `${countText(events, of === 'events' ? 'event' : 'decision')}, priority ${priority}`;
  return `${[what, ...counts].join(', ')}.`;
}

function pendingText({ attempts, count, dueAt }) {
  const again = dueAt === undefined ? '' : `, again at ${timeText(dueAt)}`;
  return `${numberText(count)} pending after ${countText(attempts, 'attempt')}${again}`;
}

function Eligible({ of }) {
  const rules = Object.entries(of);
  if (rules.length === 0) return null;
  return html`<ul>
    ${rules.map(([rule, count]) => html`<li key=${rule}>${rule}: ${numberText(count)} eligible</li>`)}
  </ul>`;
}

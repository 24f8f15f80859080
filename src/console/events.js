import { html } from './html.js';
import { part } from './api.js';
import { useAnswer } from './asking.js';
import { Attempts } from './dead-letters.js';
import { at, go } from './location.js';
import { Answer, Facts, Field, Heading, onSubmit, State, Table, Time } from './parts.js';
import { Loads, Step } from './way.js';

const COLUMNS = [
  {
    name: 'Received',
    of: (each) => html`<a href=${at(['events', each.id])}><${Time} at=${each.receivedAt} /></a>`,
  },
  { name: 'Id', of: ({ id }) => html`<code>${id}</code>` },
  { name: 'Type', of: ({ type }) => type },
  { name: 'Source', of: ({ source }) => source },
  { name: 'State', of: ({ state }) => html`<${State} of=${state} />` },
];

/** Finds events by their id, or those of a subject. */
export function EventsPage({ location }) {
  const { subject, ...query } = location.query;
  const found = useAnswer(subject && '/v1/events', { query: { subject, limit: 50, ...query } });
  return html`
    <${Heading} title="Events" />
    <${Find} subject=${subject} />
    ${
      subject &&
      html`<${Answer} of=${found}>
        ${({ events, nextPageToken }) => html`
          <${Table}
            label="Events"
            columns=${COLUMNS}
            rows=${events}
            keyOf=${(each) => `${each.source} ${each.id}`}
            empty="No events of this subject are found."
          />
          ${
            nextPageToken &&
            html`<p><a href=${at(['events'], { subject, pageToken: nextPageToken })}>Next page</a></p>`
          }
        `}
      <//>`
    }
  `;
}

function Find({ id, subject }) {
  const byId = onSubmit((values) => go(['events', values.id]));
  const bySubject = onSubmit((values) => go(['events'], values));
  return html`
    <form class="filter" role="search" aria-label="Events by id" onSubmit=${byId}>
      <${Field} label="Event" hint="Its id, as its producer made it.">
        <input name="id" autocomplete="off" spellcheck="false" defaultValue=${id ?? ''} required />
      <//>
      <div class="actions"><button type="submit" class="main">Find</button></div>
    </form>
    ${
      id === undefined &&
      html`<form class="filter" role="search" aria-label="Events by subject" onSubmit=${bySubject}>
        <${Field} label="Subject" hint="As events name it.">
          <input
            name="subject"
            autocomplete="off"
            spellcheck="false"
            defaultValue=${subject ?? ''}
            required
          />
        <//>
        <div class="actions"><button type="submit">List</button></div>
      </form>`
    }
  `;
}

/** What became of an event: from its receipt to the warehouse and to each subscription. */
export function EventPage({ location }) {
  const id = location.parts[1];
  const shown = useAnswer(`/v1/events/${part(id)}`, { everySeconds: 5 });
  return html`
    <${Heading} kind="Event" title=${id} />
    <${Find} id=${id} />
    <${Answer} of=${shown}>
      ${({ events, more }) => html`
        ${events.map((each) => html`<${Story} of=${each} key=${`${each.stream} ${each.source} ${each.receivedAt}`} />`)}
        ${more && html`<p>${`There are ${more} more of this id.`}</p>`}
      `}
    <//>
  `;
}

function Story({ of }) {
  const {
    type,
    source,
    subject,
    stream,
    time,
    receivedAt,
    batchId,
    workflow,
    decisions = [],
    load,
    deliveries,
  } = of;
  return html`<section aria-label=${`${type} of ${source}`}>
    <${Facts}
      of=${[
        ['Type', type],
        ['Source', source],
        ['Subject', subject && html`<a href=${at(['decisions', subject])}>${subject}</a>`],
        ['Stream', stream],
        ['Time', html`<${Time} at=${time} />`],
      ]}
    />
    <ol class="way" aria-label="Its way">
      <${Step} title="Received" at=${receivedAt} />
      ${
        decisions.length > 0 &&
        html`<${Step} title="Decided" at=${receivedAt}>
          <ul>
            ${decisions.map(
              ({ rule, outcome, reason, ruleVersion }) =>
                html`<li key=${rule}>
                  ${rule}: <${State} of=${outcome} /> ${reason} <code class="faint">${ruleVersion}</code>
                </li>`,
            )}
          </ul>
        <//>`
      }
      ${
        batchId &&
        html`<${Step} title="Batched" workflow=${workflow} state=${workflow?.status}>
          <p><a href=${at(['batches', batchId])}>${batchId}</a></p>
        <//>`
      }
      ${load && html`<${Loads} of=${load} />`}
      ${deliveries?.map((each) => html`<${Delivery} of=${each} key=${`${each.subscription} ${each.of}`} />`)}
    </ol>
  </section>`;
}

function Delivery({ of: { subscription, of, priority, state, attempts, deadLetters, workflow } }) {
  const title = html`<a href=${at(['subscriptions', subscription])}>${subscription}</a>`;
  return html`<${Step} title=${title} workflow=${workflow} state=${state}>
    <p>${of === 'events' ? 'The event' : 'A decision on it'}, ${`priority ${priority}.`}</p>
    ${attempts.length > 0 && html`<${Attempts} of=${attempts} />`}
    ${
      deadLetters.length > 0 &&
      html`<ul>
        ${deadLetters.map(
          ({ id, reason, status }) =>
            html`<li key=${id}>
              <a href=${at(['dead-letters', id])}>Dead letter</a>${': '}<code>${reason}</code>${`, ${status}`}
            </li>`,
        )}
      </ul>`
    }
  <//>`;
}

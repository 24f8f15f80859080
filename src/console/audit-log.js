import { html } from './html.js';
import { useAnswer } from './asking.js';
import { numberText } from './format.js';
import { at, go } from './location.js';
import { Answer, Field, Heading, onSubmit, State, Table, Time } from './parts.js';
import { fromLocal, toLocal } from './times.js';

const DAY_MS = 86_400_000;
const MOST_ENTRIES = 200;
const KINDS = { changes: 'Changes', reads: 'Reads', all: 'Changes and reads' };

const COLUMNS = [
  { name: 'At', of: (each) => html`<${Time} at=${each.at} />` },
  {
    name: 'Act',
    of: ({ act, count }) => html`<code>${act}</code>${count > 1 ? ` × ${numberText(count)}` : ''}`,
  },
  { name: 'Tenant', of: ({ tenant }) => tenant },
  { name: 'By', of: ({ subject, role }) => html`${subject} <span class="faint">${role}</span>` },
  { name: 'On', of: ({ params }) => params && Object.values(params).join(', ') },
  {
    name: 'Outcome',
    of: ({ outcome, code }) => html`<${State} of=${outcome} /> ${code && html`<code>${code}</code>`}`,
  },
  { name: 'Reason', of: ({ reason }) => reason },
  { name: 'From', of: ({ address }) => address },
];

/** Who did what, with a filter: what was changed in the last day where nothing is said. */
export function AuditLogPage({ location, session }) {
  const { pageToken, ...filter } = location.query;
  const from = filter.from ?? dayAgo();
  const kind = filter.kind ?? 'changes';
  const query = { ...filter, from, kind: kind === 'all' ? undefined : kind, pageToken, limit: MOST_ENTRIES };
  const page = useAnswer('/v1/audit-log', { query });
  const columns = COLUMNS.filter(({ name }) => name !== 'Tenant' || session.tenant === undefined);
  return html`
    <${Heading} title="Audit log" />
    <${Filter} filter=${{ ...filter, from, kind }} />
    <${Answer} of=${page}>
      ${({ entries, nextPageToken }) => html`
        <${Table}
          label="Audit log"
          columns=${columns}
          rows=${[...entries].reverse()}
          keyOf=${({ id }) => id}
          empty="Nothing on this page."
        />
        <p class="actions">
          ${pageToken && html`<a href=${at(['audit-log'], filter)}>First page</a>`}
          ${nextPageToken && html`<a href=${at(['audit-log'], { ...filter, from, pageToken: nextPageToken })}>Later</a>`}
        </p>
      `}
    <//>
  `;
}

/** To the minute: the same question for as long as somebody looks at its answer. */
function dayAgo() {
  return new Date(Math.floor((Date.now() - DAY_MS) / 60_000) * 60_000).toISOString();
}

function Filter({ filter }) {
  const send = onSubmit(({ from, to, ...rest }) =>
    go(['audit-log'], { ...rest, from: fromLocal(from), to: fromLocal(to) }),
  );
  return html`<form
    class="filter"
    role="search"
    aria-label="Audit log"
    onSubmit=${send}
    key=${JSON.stringify(filter)}
  >
    <${Field} label="From"
      ><input name="from" type="datetime-local" defaultValue=${toLocal(filter.from)}
    /><//>
    <${Field} label="To"><input name="to" type="datetime-local" defaultValue=${toLocal(filter.to)} /><//>
    <${Field} label="Who" hint="The subject of a token.">
      <input name="subject" autocomplete="off" maxlength="200" defaultValue=${filter.subject ?? ''} />
    <//>
    <${Field} label="Act" hint="Such as pauseSubscription.">
      <input name="act" autocomplete="off" maxlength="100" defaultValue=${filter.act ?? ''} />
    <//>
    <${Field} label="Kind">
      <select name="kind">
        ${Object.entries(KINDS).map(([key, name]) => html`<option value=${key} selected=${key === filter.kind} key=${key}>${name}</option>`)}
      </select>
    <//>
    <div class="actions">
      <button type="submit" class="main">Filter</button>
      <a href="#/audit-log">The last day</a>
    </div>
  </form>`;
}

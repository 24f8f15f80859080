import { html } from './html.js';
import { useAnswer } from './asking.js';
import { bytesText, dayText, numberText } from './format.js';
import { go } from './location.js';
import { Answer, Field, Heading, onSubmit, Table } from './parts.js';
import { Plot } from './plot.js';
import { Sum } from './sums.js';

const DAY_SECONDS = 86_400;
const WEEK_DAYS = 7;
const GROUPINGS = { day: 'Day', stream: 'Stream', subscription: 'Subscription', tenant: 'Tenant' };
const FIGURES = {
  events: 'Events',
  bytesIn: 'Bytes in',
  storedBytes: 'Bytes stored',
  decisions: 'Decisions',
  loadedRows: 'Rows loaded',
  deliveredEvents: 'Events delivered',
  deliveryAttempts: 'Delivery attempts',
  activitySeconds: 'Activity seconds',
  cpuSeconds: 'CPU seconds',
  workflows: 'Workflows',
  actions: 'Temporal actions',
};
const STEPS = Array.from({ length: 16 }, (_, power) =>
  [1, 2, 5].map((each) => each * 10 ** (power - 2)),
).flat();

/** What was used, and what it costs: by day as a plot, and by what is chosen as a table. */
export function UsagePage({ location, session }) {
  const { by = 'day', figure = 'events', from = daysAgo(WEEK_DAYS - 1), to } = location.query;
  const byDay = useAnswer('/v1/usage', { query: { by: 'day', from, to }, everySeconds: 30 });
  const grouped = useAnswer(by === 'day' ? undefined : '/v1/usage', {
    query: { by, from, to },
    everySeconds: 30,
  });
  return html`
    <${Heading} title="Usage" />
    <${Range} of=${{ by, figure, from, to }} operator=${session.operator && session.tenant === undefined} />
    <${Answer} of=${byDay}>
      ${(report) => html`
        <${Totals} of=${report} />
        <${Days} of=${report} figure=${figure} />
      `}
    <//>
    <${Answer} of=${by === 'day' ? byDay : grouped}>
      ${({ rows, currency }) =>
        html`<${Table}
          label=${`Usage by ${GROUPINGS[by].toLowerCase()}`}
          columns=${columnsOf(by, currency)}
          rows=${rows}
          keyOf=${(row) => row[by] ?? ''}
          empty="Nothing was used."
        />`}
    <//>
  `;
}

function daysAgo(days) {
  return new Date(Date.now() - days * DAY_SECONDS * 1000).toISOString().slice(0, 10);
}

function Range({ of: { by, figure, from, to }, operator }) {
  const send = onSubmit((values) => go(['usage'], values));
  const groupings = Object.entries(GROUPINGS).filter(([key]) => key !== 'tenant' || operator);
  const figures = Object.entries({ ...FIGURES, cost: 'Cost' });
  const options = (all, chosen) =>
    all.map(
      ([key, name]) => html`<option value=${key} selected=${key === chosen} key=${key}>${name}</option>`,
    );
  return html`<form class="filter" role="search" aria-label="Usage" onSubmit=${send}>
    <${Field} label="From"><input name="from" type="date" defaultValue=${from} required /><//>
    <${Field} label="To" hint="Empty: today."><input name="to" type="date" defaultValue=${to ?? ''} /><//>
    <${Field} label="Plot of"
      ><select name="figure">
        ${options(figures, figure)}
      </select><//
    >
    <${Field} label="Table by"
      ><select name="by">
        ${options(groupings, by)}
      </select><//
    >
    <div class="actions"><button type="submit" class="main">Show</button></div>
  </form>`;
}

function Totals({ of: { total, currency } }) {
  return html`<dl class="sums">
    ${total.cost !== undefined && html`<${Sum} name=${`Cost in ${currency}`} value=${costText(total.cost)} />`}
    <${Sum} name="Events" value=${numberText(total.events)} />
    <${Sum} name="Events delivered" value=${numberText(total.deliveredEvents)} />
    <${Sum} name="Decisions" value=${numberText(total.decisions)} />
    <${Sum} name="CPU seconds" value=${numberText(Math.round(total.cpuSeconds))} />
  </dl>`;
}

function Days({ of: { rows, from, to, currency }, figure }) {
  const known = new Map(rows.map((row) => [row.day, Number(row[figure] ?? 0)]));
  const times = [];
  for (let time = Date.parse(from) / 1000; time <= Date.parse(to) / 1000; time += DAY_SECONDS)
    times.push(time);
  const values = times.map((time) => known.get(new Date(time * 1000).toISOString().slice(0, 10)) ?? 0);
  const name = figure === 'cost' ? `Cost in ${currency ?? 'nothing: there are no prices'}` : FIGURES[figure];
  return html`<${Plot}
    label=${`${name} by day`}
    times=${times}
    lines=${[{ name, values }]}
    unit=${unitOf(figure)}
    steps=${STEPS}
    moment=${dayText}
    bars
  />`;
}

function columnsOf(by, currency) {
  const cost = { name: `Cost in ${currency}`, of: (row) => costText(row.cost ?? '0'), number: true };
  return [
    { name: GROUPINGS[by], of: (row) => html`<span class="nowrap">${row[by] ?? 'of none'}</span>` },
    ...Object.entries(FIGURES).map(([key, name]) => ({
      name,
      of: (row) => html`<span class="nowrap">${unitOf(key)(row[key])}</span>`,
      number: true,
    })),
    ...(currency === undefined ? [] : [cost]),
  ];
}

/** How a figure is written. */
function unitOf(figure) {
  return /^bytes|Bytes$/.test(figure) ? bytesText : (value) => numberText(Math.round(value * 10) / 10);
}

/** A decimal as it is, with no more places than one reads. */
function costText(cost) {
  return numberText(Math.round(Number(cost) * 10_000) / 10_000);
}

import { html } from './html.js';
import { useAnswer } from './asking.js';
import { bytesText, countText, durationText, numberText } from './format.js';
import { at } from './location.js';
import { Answer, Heading, State, Table, Time } from './parts.js';
import { Sum } from './sums.js';

const COLUMNS = [
  { name: 'What', of: ({ what }) => what },
  { name: 'Kind', of: ({ kind }) => kind },
  { name: 'Level', of: ({ level }) => html`<${State} of=${level} />` },
  { name: 'Tenant', of: ({ tenant }) => tenant },
  {
    name: 'Subscription',
    of: ({ subscription }) =>
      subscription && html`<a href=${at(['subscriptions', subscription])}>${subscription}</a>`,
  },
  { name: 'Since', of: ({ since }) => html`<${Time} at=${since} />` },
  { name: 'Undelivered', of: ({ undelivered }) => undelivered && countText(undelivered.events, 'event') },
  { name: 'To do', of: ({ command, page }) => html`<code>${command ?? page}</code>` },
];

/** What is wrong, the worst first. */
export function StatusPage({ session }) {
  const status = useAnswer('/v1/status', { everySeconds: 10 });
  const columns = COLUMNS.filter(({ name }) => name !== 'Tenant' || session.tenant === undefined);
  return html`
    <${Heading} title="Status" />
    <${Answer} of=${status}>
      ${(report) => html`
        <${Sums} of=${report} />
        <h2>Problems, worst first</h2>
        <${Table}
          label="Problems"
          columns=${columns}
          rows=${report.problems.map((problem, index) => ({ ...problem, index }))}
          keyOf=${({ index }) => index}
          empty="Nothing is wrong."
        />
        ${report.moreProblems > 0 && html`<p>${`And ${countText(report.moreProblems, 'more problem')}.`}</p>`}
      `}
    <//>
  `;
}

function Sums({ of: { verdict, temporal, undelivered, backlog, node } }) {
  return html`<dl class="sums">
    <${Sum} name="All in all" value=${verdict} bad=${verdict === 'failing'} />
    <${Sum} name="Temporal" value=${temporal.reachable ? 'answers' : 'away'} bad=${!temporal.reachable} />
    <${Sum} name="Undelivered events" value=${numberText(undelivered.events)} />
    <${Sum} name="Oldest" value=${durationText(undelivered.oldestSeconds)} />
    <${Sum} name="In the spool" value=${bytesText(backlog.bytes)} />
    ${node?.disks.map(
      ({ name, freeBytes }) =>
        html`<${Sum}
          name=${`Free: ${name}`}
          value=${bytesText(freeBytes)}
          bad=${freeBytes < node.diskReserveBytes}
          key=${name}
        />`,
    )}
  </dl>`;
}

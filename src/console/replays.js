import { html } from './html.js';
import { useAction, useAnswer } from './asking.js';
import { durationText, timeText } from './format.js';
import { at, go } from './location.js';
import { Answer, Field, Heading, onSubmit, Problem, State, Table } from './parts.js';
import { may } from './session.js';

/** What a replay does, in words. */
export function taskText({ kind, subscription, applyCurrent }) {
  if (kind === 'deliver') return `deliver to ${subscription ?? 'all'}`;
  if (kind === 'fill') return `fill ${subscription}`;
  return applyCurrent === true ? 'decide, and make it current' : 'decide';
}

/** A range of time, in words. */
export function rangeText({ from, to, by }) {
  const start = Date.parse(from) === 0 ? 'the oldest' : timeText(from);
  return `${start} to ${timeText(to)}${by === 'receipt' ? '' : ', by the events’ own time'}`;
}

const COLUMNS = [
  {
    name: 'Asked for',
    of: ({ id, requestedAt }) => html`<a href=${at(['replays', id])}>${timeText(requestedAt)}</a>`,
  },
  { name: 'State', of: ({ status }) => html`<${State} of=${status} />` },
  { name: 'Does', of: ({ task }) => taskText(task) },
  { name: 'Dry run', of: ({ dryRun }) => (dryRun ? 'yes' : 'no') },
  { name: 'Range', of: ({ range }) => rangeText(range) },
];

/** The latest replays, and a form that starts one. */
export function ReplaysPage() {
  const replays = useAnswer('/v1/replays', { everySeconds: 5 });
  return html`
    <${Heading} title="Replays" />
    ${may('replays:write') && html`<${Start} />`}
    <h2>Latest</h2>
    <${Answer} of=${replays}>
      ${({ replays: all, reach }) => html`
        <p>${reachText(reach)}</p>
        <${Table}
          label="Replays"
          columns=${COLUMNS}
          rows=${all}
          keyOf=${({ id }) => id}
          empty="There are no replays."
        />
      `}
    <//>
  `;
}

const TASKS = {
  deliver: ({ subscription }) => ({ subscription }),
  fill: ({ subscription }) => ({ into: subscription }),
  decide: ({ version }) => ({ rules: version ?? 'current' }),
  apply: ({ version }) => ({ rules: version ?? 'current', applyCurrent: true }),
};

function reachText({ retentionMs, keptSince }) {
  const oldest =
    keptSince === undefined ? 'none is kept yet' : `the oldest event came at ${timeText(keptSince)}`;
  return `Batches are kept for ${durationText(retentionMs / 1000)}; ${oldest}.`;
}

function requestOf({ task, from, to, by, types, rate, dryRun, ...rest }) {
  return {
    ...TASKS[task](rest),
    from: from && new Date(from).toISOString(),
    to: to && new Date(to).toISOString(),
    eventTime: by === 'event-time' || undefined,
    types: types?.split(/[\s,]+/),
    eventsPerSecond: rate && Number(rate),
    dryRun: dryRun === 'yes' || undefined,
  };
}

function Start() {
  const { busy, error, act } = useAction();
  const send = onSubmit(async (values) => {
    const started = await act('/v1/replays', requestOf(values));
    if (started !== undefined) go(['replays', started.id]);
  });
  return html`<details class="card">
    <summary>Start a replay</summary>
    <form class="filter" onSubmit=${send}>
      <${Field} label="What to do">
        <select name="task">
          <option value="deliver">Deliver again</option>
          <option value="fill">Fill a new subscription</option>
          <option value="decide">Decide again, and record it</option>
          <option value="apply">Decide again, and make it current</option>
        </select>
      <//>
      <${Field} label="Subscription" hint="To deliver: empty for all.">
        <input name="subscription" autocomplete="off" />
      <//>
      <${Field} label="Version of the rules" hint="To decide: empty for those in force.">
        <input name="version" autocomplete="off" pattern="current|[0-9a-f]{12}" />
      <//>
      <${Field} label="From" hint="Empty: the oldest event."
        ><input name="from" type="datetime-local" step="1"
      /><//>
      <${Field} label="To" hint="Empty: now."><input name="to" type="datetime-local" step="1" /><//>
      <${Field} label="Range by">
        <select name="by">
          <option value="receipt">Time of receipt</option>
          <option value="event-time">The events' own time</option>
        </select>
      <//>
      <${Field} label="Event types" hint="Empty: all. As booking.*, separated by spaces."
        ><input name="types" autocomplete="off"
      /><//>
      <${Field} label="Events per second"
        ><input name="rate" type="number" min="1" max="1000000" placeholder="5000"
      /><//>
      <label class="check">
        <input type="checkbox" name="dryRun" value="yes" defaultChecked />
        <span>Dry run: say what would happen, and do nothing</span>
      </label>
      <${Problem} error=${error} />
      <div class="actions"><button type="submit" class="main" disabled=${busy}>Start</button></div>
    </form>
  </details>`;
}

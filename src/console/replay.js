import { html } from './html.js';
import { part } from './api.js';
import { useAction, useAnswer } from './asking.js';
import { Confirm } from './confirm.js';
import { durationText, numberText } from './format.js';
import { at } from './location.js';
import { Answer, Facts, Heading, Problem, State, Table, TemporalLink, Time } from './parts.js';
import { rangeText, taskText } from './replays.js';
import { say } from './said.js';
import { may } from './session.js';

/** One replay: how far it is, or what has come of it. */
export function ReplayPage({ location }) {
  const id = location.parts[1];
  const shown = useAnswer(`/v1/replays/${part(id)}`, {
    everySeconds: 2,
    until: ({ status }) => status !== 'running',
  });
  const { busy, error, act } = useAction();
  const cancel = async () => {
    const asked = await act(`/v1/replays/${part(id)}/cancel`);
    if (asked !== undefined) say('The replay is asked to stop.');
    return asked !== undefined;
  };
  return html`
    <${Heading} kind="Replay" title=${id}>
      ${
        shown.value?.status === 'running' &&
        may('replays:write') &&
        html`<${Confirm}
          label="Cancel the replay"
          question="Cancel this replay?"
          explanation="What it has delivered and recorded stays."
          busy=${busy}
          error=${error}
          onConfirm=${cancel}
        />`
      }
    <//>
    <${Answer} of=${shown}>${(replay) => html`<${Shown} of=${replay} />`}<//>
  `;
}

function Shown({
  of: {
    status,
    dryRun,
    task,
    range,
    version,
    eventsPerSecond,
    requestedAt,
    closedAt,
    url,
    progress,
    report,
    error,
  },
}) {
  return html`
    <${Facts}
      of=${[
        ['State', html`<${State} of=${status} />`],
        ['Does', taskText(task)],
        ['Dry run', dryRun ? 'yes: nothing is delivered or recorded' : 'no'],
        ['Range', rangeText(range)],
        ['Types', range.types?.join(', ')],
        ['Configuration', html`<code>${version}</code>`],
        ['Events per second', numberText(eventsPerSecond)],
        ['Asked for', html`<${Time} at=${requestedAt} />`],
        ['Ended', closedAt && html`<${Time} at=${closedAt} />`],
        ['Workflow', url && html`<${TemporalLink} url=${url} of="this replay" />`],
      ]}
    />
    ${error && html`<${Problem} error=${error} />`} ${progress && html`<${Progress} of=${progress} />`}
    ${report && html`<${Report} of=${report} />`}
  `;
}

function countsOf({ batches, events, matched, deliveries, decisions, skipped }) {
  return [
    ['Batches', numberText(batches)],
    ['Events', numberText(events)],
    ['Matched', numberText(matched)],
    ['Deliveries', numberText(deliveries)],
    ['Decisions', numberText(decisions)],
    ['Skipped', numberText(skipped)],
  ];
}

function Progress({ of: { phase, files, waitsFor = [], ...counts } }) {
  return html`<section aria-labelledby="progress">
    <h2 id="progress">Progress</h2>
    ${files && html`<progress max=${Math.max(files.total, 1)} value=${files.done} aria-label="Files" />`}
    <${Facts}
      of=${[['Phase', phase], ['Files', files && `${files.done} of ${files.total}`], ...countsOf(counts)]}
    />
    ${waitsFor.map(({ node, message }) => html`<p key=${node}>${message}</p>`)}
  </section>`;
}

function Report({
  of: { seconds, rules = [], wouldDeliver = [], applied, notes, unbatched = [], ...counts },
}) {
  return html`<section aria-labelledby="report">
    <h2 id="report">Report</h2>
    <${Facts} of=${[['Took', durationText(seconds)], ...countsOf(counts)]} />
    ${notes.map((note) => html`<p key=${note}>${note}</p>`)}
    ${unbatched.map(({ node, message }) => html`<p key=${node}>${message}</p>`)}
    ${
      wouldDeliver.length > 0 &&
      html`<h3>Would be delivered</h3>
        <${Table}
          label="Would be delivered"
          columns=${WOULD}
          rows=${wouldDeliver}
          keyOf=${({ subscription }) => subscription}
        />`
    }
    ${
      applied &&
      html`<h3>Made current</h3>
        <${Facts}
          of=${[
            ['Made current', numberText(applied.madeCurrent)],
            ['Current already', numberText(applied.alreadyCurrent)],
            ['Older', numberText(applied.older)],
            ['Rule has changed', numberText(applied.ruleChanged)],
          ]}
        />`
    }
    ${
      rules.length > 0 &&
      html`<h3>What the rules say now</h3>
        <${Table}
          label="What the rules say now"
          columns=${CHANGED_RULES}
          rows=${rules}
          keyOf=${({ rule }) => rule}
        />
        ${rules.map((each) => html`<${Samples} of=${each} key=${each.rule} />`)}`
    }
  </section>`;
}

const WOULD = [
  { name: 'Subscription', of: ({ subscription }) => subscription },
  { name: 'Events', of: ({ events }) => numberText(events), number: true },
];

/** How many decisions of each rule are other than they were. */
export const CHANGED_RULES = [
  { name: 'Rule', of: ({ rule }) => rule },
  { name: 'Evaluated', of: ({ evaluated }) => numberText(evaluated), number: true },
  { name: 'Eligible then', of: ({ recorded }) => numberText(recorded.eligible), number: true },
  { name: 'Eligible now', of: ({ now }) => numberText(now.eligible), number: true },
  { name: 'Newly eligible', of: ({ newlyEligible }) => numberText(newlyEligible), number: true },
  { name: 'No longer', of: ({ noLongerEligible }) => numberText(noLongerEligible), number: true },
  { name: 'New', of: ({ notRecordedBefore }) => numberText(notRecordedBefore), number: true },
  { name: 'Not made now', of: ({ notMadeNow }) => numberText(notMadeNow), number: true },
];

const SAMPLES = [
  {
    name: 'Subject',
    of: ({ subject }) =>
      subject === null ? '(none)' : html`<a href=${at(['decisions', subject])}>${subject}</a>`,
  },
  { name: 'Event', of: ({ eventId }) => html`<code>${eventId}</code>` },
  { name: 'Then', of: ({ recorded }) => `${recorded.outcome}: ${recorded.reason}` },
  { name: 'Now', of: ({ now }) => `${now.outcome}: ${now.reason}` },
];

function Samples({ of: { rule, samples } }) {
  const changed = [...samples.newlyEligible, ...samples.noLongerEligible];
  if (changed.length === 0) return null;
  return html`<details>
    <summary>${rule}: decisions that have changed, the first ${changed.length}</summary>
    <${Table}
      label=${`Changed decisions of ${rule}`}
      columns=${SAMPLES}
      rows=${changed}
      keyOf=${({ eventId, subject }) => `${eventId} ${subject}`}
    />
  </details>`;
}

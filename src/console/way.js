/** The way of an event or a batch, drawn from above to below: a step for each thing that became of it. */
import { html } from './html.js';
import { durationText, numberText } from './format.js';
import { State, TemporalLink, Time } from './parts.js';

/** One step: what it is, when it began, how long it took, and a link to its workflow. */
export function Step({ title, workflow, state, at: ended, children }) {
  const took = workflow?.closedAt && `, took ${secondsText(workflow)}`;
  return html`<li>
    <h2>${title} ${state && html`<${State} of=${state} />`}</h2>
    <p class="apart faint">
      <span><${Time} at=${workflow?.startedAt ?? ended} />${took}</span>
      <${TemporalLink} url=${workflow?.url} of=${workflow?.workflowId} />
    </p>
    ${children}
  </li>`;
}

/** The step into the warehouse. */
export function Loads({ of: { workflow, loads } }) {
  return html`<${Step} title="Loaded into the warehouse" workflow=${workflow} state=${workflow.status}>
    ${loads.length === 0 && html`<p>Not loaded yet.</p>`}
    <ul>
      ${loads.map(
        ({ stream, loadId, file, alreadyHeld }) =>
          html`<li key=${loadId}>
            ${`${stream}: `}<code>${file ?? loadId}</code>${alreadyHeld ? ', which the warehouse held before' : ''}
          </li>`,
      )}
    </ul>
  <//>`;
}

function secondsText({ startedAt, closedAt }) {
  const ms = Date.parse(closedAt) - Date.parse(startedAt);
  return ms < 10_000 ? `${numberText(ms)} ms` : durationText(ms / 1000);
}

import { html } from './html.js';
import { useAction, useAnswer } from './asking.js';
import { part } from './api.js';
import { numberText } from './format.js';
import { at, go } from './location.js';
import { Answer, Field, Heading, onSubmit, Problem, Table, Time } from './parts.js';
import { CHANGED_RULES } from './replay.js';
import { may } from './session.js';

const DAY_MS = 86_400_000;

const COLUMNS = [
  { name: 'Rule', of: ({ name }) => name },
  { name: 'On', of: ({ on }) => on.join(', ') },
  { name: 'Condition', of: ({ when }) => html`<code>${when}</code>` },
  { name: 'Eligible', of: ({ eligible }) => numberText(eligible), number: true },
  { name: 'Not eligible', of: ({ ineligible }) => numberText(ineligible), number: true },
  { name: 'Share', of: (each) => html`<${Share} of=${each} />` },
  { name: 'Version', of: ({ version }) => html`<code>${version}</code>` },
];

/** The rules in force, how often each has said what, and what other rules would have said. */
export function RulesPage() {
  const rules = useAnswer('/v1/rules', { everySeconds: 10 });
  return html`
    <${Heading} title="Rules" />
    <${Answer} of=${rules}>
      ${({ since, rules: inForce }) => html`
        <p>Decisions since <${Time} at=${since} />, when this node started.</p>
        <${Table}
          label="Rules"
          columns=${COLUMNS}
          rows=${inForce}
          keyOf=${({ name }) => name}
          empty="The tenant has no rules."
        />
      `}
    <//>
    ${may('replays:read') && html`<${Shadow} />`}
  `;
}

/** How much of a rule's decisions are eligible. */
function Share({ of: { name, eligible, ineligible } }) {
  const all = eligible + ineligible;
  if (all === 0) return html`<span class="faint">none yet</span>`;
  const percent = Math.round((1000 * eligible) / all) / 10;
  return html`<span class="share">
    <meter min="0" max="100" value=${percent} aria-label=${`Eligible of ${name}`} />
    ${`${numberText(percent)} %`}
  </span>`;
}

/** A dry run decides again and records nothing: its report sets other rules beside what was decided. */
function Shadow() {
  const replays = useAnswer('/v1/replays', { everySeconds: 5 });
  return html`
    <h2>In the shadow</h2>
    <p>Decides again on kept events by other rules, and says what would change. Nothing is recorded.</p>
    ${may('replays:write') && html`<${Compare} />`}
    <${Answer} of=${replays}>
      ${({ replays: all }) => {
        const last = all.find(
          ({ dryRun, status, task }) => dryRun && status === 'completed' && task.kind === 'decide',
        );
        return last === undefined
          ? html`<p class="faint">There is no comparison yet.</p>`
          : html`<${Comparison} id=${last.id} key=${last.id} />`;
      }}
    <//>
  `;
}

function Compare() {
  const { busy, error, act } = useAction();
  const send = onSubmit(async ({ version, days }) => {
    const from = new Date(Date.now() - Number(days) * DAY_MS).toISOString();
    const started = await act('/v1/replays', { rules: version ?? 'current', from, dryRun: true });
    if (started !== undefined) go(['replays', started.id]);
  });
  return html`<form class="filter" onSubmit=${send}>
    <${Field} label="Version of the configuration" hint="Empty: the one in force.">
      <input name="version" autocomplete="off" pattern="current|[0-9a-f]{12}" />
    <//>
    <${Field} label="Days"><input name="days" type="number" min="1" max="31" defaultValue="1" required /><//>
    <div class="actions"><button type="submit" disabled=${busy}>Compare</button></div>
    <${Problem} error=${error} />
  </form>`;
}

function Comparison({ id }) {
  const shown = useAnswer(`/v1/replays/${part(id)}`);
  return html`<${Answer} of=${shown}>
    ${({ version, requestedAt, report }) => html`
      <p>
        ${'The last: by '}<code>${version}</code>${', '}<${Time} at=${requestedAt} />${'. '}
        <a href=${at(['replays', id])}>All of it</a>
      </p>
      <${Table}
        label="What would change"
        columns=${CHANGED_RULES}
        rows=${report?.rules ?? []}
        keyOf=${({ rule }) => rule}
        empty="No rule was evaluated."
      />
    `}
  <//>`;
}

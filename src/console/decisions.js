import { html } from './html.js';
import { part } from './api.js';
import { useAnswer } from './asking.js';
import { numberText } from './format.js';
import { go } from './location.js';
import { Answer, Facts, Field, Heading, onSubmit, State, Table, Time } from './parts.js';

const DECISIONS = [
  { name: 'Rule', of: ({ rule }) => rule },
  { name: 'Outcome', of: ({ outcome }) => html`<${State} of=${outcome} />` },
  { name: 'Why', of: ({ reason }) => reason },
  { name: 'On the event', of: ({ eventId }) => html`<code>${eventId}</code>` },
  { name: 'Of', of: ({ time }) => html`<${Time} at=${time} />` },
  { name: 'Rule version', of: ({ ruleVersion }) => html`<code>${ruleVersion}</code>` },
];

const FAILURES = [
  { name: 'Aggregate', of: ({ aggregate }) => aggregate },
  { name: 'Events', of: ({ count }) => numberText(count), number: true },
  { name: 'Why', of: ({ code }) => html`<code>${code}</code>` },
  { name: 'Last', of: ({ time }) => html`<${Time} at=${time} />` },
];

/** What is known of a subject, and decided about it. */
export function DecisionsPage({ location }) {
  const subject = location.parts[1];
  const shown = useAnswer(subject && `/v1/eligibility/${part(subject)}`);
  const find = onSubmit((values) => go(['decisions', values.subject]));
  return html`
    <${Heading} kind=${subject && 'Decisions about'} title=${subject ?? 'Decisions'} />
    <form class="filter" role="search" aria-label="Subjects" onSubmit=${find}>
      <${Field} label="Subject" hint="As events name it.">
        <input
          name="subject"
          autocomplete="off"
          spellcheck="false"
          maxlength="512"
          defaultValue=${subject ?? ''}
          required
        />
      <//>
      <div class="actions"><button type="submit" class="main">Show</button></div>
    </form>
    ${subject && html`<${Answer} of=${shown}>${(known) => html`<${Known} of=${known} />`}<//>`}
  `;
}

function Known({ of: { mergedInto, profile, decisions, failures = [] } }) {
  const properties = Object.entries(profile);
  return html`
    ${mergedInto && html`<p>Merged into <code>${mergedInto}</code>, whose decisions and properties these are.</p>`}
    <h2>Decisions</h2>
    <${Table}
      label="Decisions"
      columns=${DECISIONS}
      rows=${decisions}
      keyOf=${({ rule }) => rule}
      empty="No rule in force has been evaluated on it."
    />
    <h2>Properties</h2>
    ${
      properties.length === 0
        ? html`<p class="faint">None.</p>`
        : html`<${Facts}
            of=${properties.map(([name, value]) => [name, html`<code>${JSON.stringify(value)}</code>`])}
          />`
    }
    ${
      failures.length > 0 &&
      html`<h2>Events that aggregates could not fold</h2>
        <${Table}
          label="Events that aggregates could not fold"
          columns=${FAILURES}
          rows=${failures}
          keyOf=${({ aggregate }) => aggregate}
        />`
    }
  `;
}

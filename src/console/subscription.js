import { useState } from 'preact/hooks';
import { html } from './html.js';
import { part } from './api.js';
import { useAction, useAnswer } from './asking.js';
import { Confirm } from './confirm.js';
import { Attempts, DeadLetterTable } from './dead-letters.js';
import { durationText, numberText } from './format.js';
import { at } from './location.js';
import { Answer, Facts, Heading, Problem, State, Time } from './parts.js';
import { say } from './said.js';
import { may } from './session.js';
import { Stands, waitingText } from './subscriptions.js';

const VERBS = {
  pause: {
    label: 'Pause',
    question: (name) => `Pause ${name}?`,
    explanation: 'Events wait until it is resumed. What is being tried now ends first.',
  },
  drain: {
    label: 'Drain',
    question: (name) => `Drain ${name}?`,
    explanation: 'It takes no new events, and delivers what waits. New events do not come to it later.',
  },
};

/** One subscription: how it stands, what can be done, and its last failures. */
export function SubscriptionPage({ location }) {
  const name = location.parts[1];
  const shown = useAnswer(`/v1/subscriptions/${part(name)}`, { everySeconds: 4 });
  // Asked at once, not when it is known that there are some.
  const failures = useAnswer(may('dead-letters:read') ? '/v1/dead-letters' : undefined, {
    query: { subscription: name, limit: 5 },
    everySeconds: 15,
  });
  return html`
    <${Heading} kind="Subscription" title=${name}>
      ${
        shown.value !== undefined &&
        may('subscriptions:write') &&
        html`<${Changes}
          name=${name}
          state=${shown.value.state}
          kind=${shown.value.kind}
          onChanged=${shown.refresh}
        />`
      }
    <//>
    <${Answer} of=${shown}>
      ${(subscription) => html`
        <${Standing} of=${subscription} />
        ${subscription.failing && html`<${Failing} of=${subscription.failing} />`}
        ${may('subscriptions:write') && html`<${TestEvent} name=${name} kind=${subscription.kind} />`}
        ${hasDeadLetters(subscription) && html`<${LastFailures} name=${name} list=${failures} />`}
      `}
    <//>
  `;
}

const hasDeadLetters = ({ deadLetters }) => deadLetters > 0 && may('dead-letters:read');

function Standing({
  of: { name, state, reason, by, since, failing, kind, url, queue, waiting, deliveries, deadLetters },
}) {
  return html`<${Facts}
    of=${[
      ['State', html`<${Stands} of=${{ state, failing }} />`],
      ['Reason', reason],
      ['By', by],
      ['Since', since && html`<${Time} at=${since} />`],
      ['Kind', kind],
      ['Goes to', url && html`<code>${url}</code>`],
      ['Task queue', queue && html`<code>${queue}</code>`],
      ['Waiting', waitingText(waiting)],
      ['Oldest', durationText(waiting.oldestSeconds)],
      ['Batches on their way', numberText(deliveries)],
      [
        'Dead letters',
        deadLetters > 0
          ? html`<a href=${at(['dead-letters'], { subscription: name })}>${numberText(deadLetters)}</a>`
          : '0',
      ],
    ]}
  />`;
}

function Failing({ of: { since, lastError, lastErrorAt } }) {
  return html`<section aria-labelledby="failing">
    <h2 id="failing">It fails</h2>
    <${Facts}
      of=${[
        ['Since', html`<${Time} at=${since} />`],
        ['Last error', lastError],
        ['At', html`<${Time} at=${lastErrorAt} />`],
      ]}
    />
  </section>`;
}

/** The newest dead letters, and of the first of them what the receiver has answered. */
function LastFailures({ name, list }) {
  const newest = list.value?.deadLetters[0];
  const shown = useAnswer(newest && `/v1/dead-letters/${part(newest.id)}`, { query: { limit: 1 } });
  return html`<section aria-labelledby="failures">
    <h2 id="failures">Last failures</h2>
    <${Answer} of=${list}>
      ${({ deadLetters }) => html`<${DeadLetterTable} deadLetters=${deadLetters} without="Subscription" />`}
    <//>
    <p><a href=${at(['dead-letters'], { subscription: name })}>All its dead letters</a></p>
    ${
      newest &&
      html`<h3>What the receiver answered to the newest</h3>
        <${Answer} of=${shown}> ${({ events }) => html`<${Attempts} of=${events[0]?.attempts ?? []} />`} <//>`
    }
  </section>`;
}

/** Sends an event to this subscription alone, and follows what becomes of it. */
function TestEvent({ name, kind }) {
  const { busy, error, act } = useAction();
  const [sent, setSent] = useState();
  if (kind === 'eligibility' || kind === 'warehouse') return null;
  const send = async () => {
    const answer = await act(`/v1/subscriptions/${part(name)}/test`);
    if (answer === undefined) return;
    setSent(answer);
    say('The test event is on its way.');
  };
  return html`<section aria-labelledby="test">
    <h2 id="test">Test</h2>
    <p>An event of the type <code>headgate.subscription.test</code> goes to this subscription alone.</p>
    <div class="actions">
      <button type="button" disabled=${busy} onClick=${() => void send()}>Send a test event</button>
    </div>
    <${Problem} error=${error} />
    ${sent && html`<${SentTest} of=${sent} name=${name} key=${sent.batchId} />`}
  </section>`;
}

const isThrough = ({ deliveries = [] }) =>
  deliveries.length > 0 && deliveries.every(({ state }) => state !== 'running');

function SentTest({ of: { eventId, batchId }, name }) {
  const reads = may('batches:read');
  const shown = useAnswer(reads ? `/v1/batches/${part(batchId)}` : undefined, {
    everySeconds: 1,
    until: isThrough,
  });
  const delivery = shown.value?.deliveries?.find(({ subscription }) => subscription === name);
  return html`<${Facts}
    of=${[
      ['Event', html`<code>${eventId}</code>`],
      ['Batch', reads ? html`<a href=${at(['batches', batchId])}>${batchId}</a>` : batchId],
      ['Became of it', reads && html`<${State} of=${delivery?.state ?? 'running'} />`],
    ]}
  />`;
}

function Changes({ name, state, kind, onChanged }) {
  const { busy, error, act } = useAction();
  if (kind === 'eligibility') return null;
  const change = async (verb, reason) => {
    const changed = await act(`/v1/subscriptions/${part(name)}/${verb}`, { reason });
    if (changed === undefined) return false;
    say(`${name} is ${changed.state}.`);
    onChanged();
    return true;
  };
  const offered = state === 'active' || state === 'breaker-open' ? ['pause', 'drain'] : ['drain'];
  const verbs = offered
    .filter((verb) => kind !== 'warehouse' || verb !== 'drain')
    .filter(() => state !== 'draining');
  return html`
    ${verbs.map(
      (verb) =>
        html`<${Confirm}
          key=${verb}
          label=${VERBS[verb].label}
          question=${VERBS[verb].question(name)}
          explanation=${VERBS[verb].explanation}
          reason="optional"
          busy=${busy}
          error=${error}
          onConfirm=${(reason) => change(verb, reason)}
        />`,
    )}
    ${
      state !== 'active' &&
      html`<button type="button" class="main" disabled=${busy} onClick=${() => void change('resume')}>
          Resume
        </button>
        <${Problem} error=${error} />`
    }
  `;
}

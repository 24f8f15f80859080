/** The parts that pages are made of. */
import { useRef } from 'preact/hooks';
import { html } from './html.js';
import { cloneElement } from 'preact';
import { durationText, timeText, webAddress } from './format.js';

/** A heading of a page, with what can be done beside it. */
export function Heading({ title, kind, children }) {
  return html`<div class="heading">
    <h1>${kind && html`<span class="kind">${kind} </span>`}${title}</h1>
    <div class="actions">${children}</div>
  </div>`;
}

/** What went wrong: its code, and its detail. */
export function Problem({ error }) {
  if (error === undefined) return null;
  return html`<div class="problem" role="alert">
    <strong>${error.code ?? 'ERROR'}</strong>${' '}<span>${error.message}</span>
    ${error.retryAfter !== undefined && html` <span>Try again in ${durationText(error.retryAfter)}.</span>`}
  </div>`;
}

/** An answer once it is there, what is wrong with it, or that it is awaited. What is in it is a function of the answer. */
export function Answer({ of: { value, error }, children }) {
  // Spaces around the function are children as well.
  const shown = [children].flat().find((each) => typeof each === 'function');
  return html`
    <${Problem} error=${error} />
    ${value !== undefined ? shown(value) : error === undefined && html`<p class="faint">Loading …</p>`}
  `;
}

const TONES = {
  active: 'good',
  delivered: 'good',
  completed: 'good',
  eligible: 'good',
  redriven: 'good',
  ok: 'good',
  batched: 'good',
  accepted: 'busy',
  held: 'warn',
  running: 'busy',
  draining: 'busy',
  cancelling: 'busy',
  paused: 'warn',
  ineligible: 'quiet',
  discarded: 'quiet',
  cancelled: 'quiet',
  expired: 'quiet',
  unknown: 'quiet',
};

/** A state: its word, and a mark whose color and form say how good it is. */
export function State({ of }) {
  return html`<span class="state ${TONES[of] ?? 'bad'}">${of}</span>`;
}

/** A moment. */
export function Time({ at }) {
  return at === undefined ? null : html`<time datetime=${at}>${timeText(at)}</time>`;
}

/** A link to a page of the Temporal UI, where one is known. */
export function TemporalLink({ url, of }) {
  const address = webAddress(url);
  if (address === undefined) return null;
  return html`<a href=${address} target="_blank" rel="noreferrer">
    In Temporal<span class="only-heard">: ${of}, opens a new tab</span>
  </a>`;
}

/**
 * A table that becomes a list of cards where there is no room for columns. Its roles are written out: what CSS lays out
 * otherwise would lose them.
 * @param {{ label: string, columns: { name: string, of: (row: any) => any, number?: boolean }[], rows: any[], keyOf: (row: any) => string, empty?: string }} props
 *   the first column is what a row is called by
 */
export function Table({ label, columns, rows, keyOf, empty = 'None.' }) {
  if (rows.length === 0) return html`<p class="faint">${empty}</p>`;
  const [first, ...others] = columns;
  const kindOf = ({ number }) => (number ? 'number' : '');
  return html`<table role="table" aria-label=${label}>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(
          (each) =>
            html`<th role="columnheader" scope="col" class=${kindOf(each)} key=${each.name}>
              ${each.name}
            </th>`,
        )}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row" key=${keyOf(row)}>
            <th role="rowheader" scope="row">${first.of(row)}</th>
            ${others.map(
              (each) =>
                html`<td role="cell" class=${kindOf(each)} data-name=${each.name} key=${each.name}>
                  <span>${each.of(row)}</span>
                </td>`,
            )}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** Names and values; those without a value are left out. */
export function Facts({ of }) {
  const known = of.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return html`<dl class="facts">
    ${known.map(
      ([name, value]) =>
        html`<div key=${name}>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** A text as it is, such as JSON or what a receiver has said. It can be scrolled by keyboard. */
export function Verbatim({ label, text }) {
  return html`<pre tabindex="0" role="group" aria-label=${label}>${text}</pre>`;
}

let fields = 0;

/** A field of a form with its label, and what is said of it. The input is its only element. */
export function Field({ label, hint, children }) {
  const id = useRef(`field-${++fields}`).current;
  const input = [children].flat().find((each) => typeof each === 'object');
  const described = hint === undefined ? {} : { 'aria-describedby': `${id}-hint` };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${cloneElement(input, { id, ...described })} ${hint && html`<small id=${`${id}-hint`}>${hint}</small>`}
  </div>`;
}

/** Fields of a form by their names, those that are empty left out. */
export function valuesOf(form) {
  const entries = [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** What a form does when it is sent: the page stays. */
export const onSubmit = (act) => (event) => {
  event.preventDefault();
  act(valuesOf(event.currentTarget), event.currentTarget);
};

import { html } from './html.js';

/** A number that is to be seen first, in a list of the class `sums`. */
export function Sum({ name, value, bad = false }) {
  return html`<div class=${bad ? 'bad' : ''}>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

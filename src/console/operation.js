/** A page that is made of what the API says of an operation: a form of its parameters, and its answer as it is. */
import { html } from './html.js';
import { part } from './api.js';
import { useAnswer } from './asking.js';
import { timeText, webAddress } from './format.js';
import { go } from './location.js';
import { Answer, Facts, Field, Heading, onSubmit, Table } from './parts.js';

/** @param {{ page: { name: string, title: string, needs: string, everySeconds?: number }, location: object, operations: Map<string, object> }} props */
export function OperationPage({ page, location, operations }) {
  const operation = operations.get(page.needs);
  const parameters = (operation.parameters ?? []).filter(
    ({ in: place }) => place === 'path' || place === 'query',
  );
  const inPath = parameters.filter((each) => each.in === 'path');
  const given = location.query;
  const ready = parameters.every(({ name, required }) => !required || given[name] !== undefined);
  const path = page.needs
    .replace(/^GET /, '')
    .replaceAll(/\{(\w+)\}/g, (_all, name) => part(given[name] ?? ''));
  const query = Object.fromEntries(
    Object.entries(given).filter(([name]) => !inPath.some((each) => each.name === name)),
  );
  const shown = useAnswer(ready ? path : undefined, { query, everySeconds: page.everySeconds });
  const send = onSubmit((values) => go([page.name], values));
  return html`
    <${Heading} title=${page.title} />
    <p>${operation.description}</p>
    ${
      parameters.length > 0 &&
      html`<form
        class="filter"
        role="search"
        aria-label=${page.title}
        onSubmit=${send}
        key=${JSON.stringify(given)}
      >
        ${parameters.map((each) => html`<${Parameter} of=${each} value=${given[each.name]} key=${each.name} />`)}
        <div class="actions"><button type="submit" class="main">Show</button></div>
      </form>`
    }
    ${ready && html`<${Answer} of=${shown}>${(value) => html`<${Value} of=${value} name=${page.title} />`}<//>`}
  `;
}

function Parameter({ of: { name, required, description, schema }, value }) {
  const label = wordsOf(name);
  const hint = description ?? schema?.description;
  return html`<${Field} label=${label} hint=${hint}>
    ${
      schema?.enum
        ? html`<select name=${name} required=${required}>
            <option value="">${required ? '' : 'Any'}</option>
            ${schema.enum.map((each) => html`<option selected=${each === value} key=${each}>${each}</option>`)}
          </select>`
        : html`<input name=${name} autocomplete="off" defaultValue=${value ?? ''} required=${required} />`
    }
  <//>`;
}

/** A value of an answer: a list of objects is a table, an object names and values. */
function Value({ of, name }) {
  if (Array.isArray(of)) return html`<${List} of=${of} name=${name} />`;
  if (typeof of === 'object' && of !== null) {
    const entries = Object.entries(of);
    const plain = entries.filter(([, value]) => typeof value !== 'object');
    const nested = entries.filter(([, value]) => typeof value === 'object' && value !== null);
    return html`
      <${Facts} of=${plain.map(([key, value]) => [wordsOf(key), html`<${Plain} of=${value} />`])} />
      ${nested.map(
        ([key, value]) =>
          html`<section aria-label=${wordsOf(key)} key=${key}>
            <h2>${wordsOf(key)}</h2>
            <${Value} of=${value} name=${wordsOf(key)} />
          </section>`,
      )}
    `;
  }
  return html`<${Plain} of=${of} />`;
}

function List({ of, name }) {
  const isTable = of.every((each) => typeof each === 'object' && each !== null && !Array.isArray(each));
  if (!isTable)
    return html`<ul>
      ${of.map((each) => html`<li><${Value} of=${each} name=${name} /></li>`)}
    </ul>`;
  const keys = [...new Set(of.flatMap((each) => Object.keys(each)))];
  const columns = keys.map((key) => ({
    name: wordsOf(key),
    number: of.every((each) => each[key] === undefined || typeof each[key] === 'number'),
    of: (row) =>
      typeof row[key] === 'object'
        ? html`<code>${JSON.stringify(row[key])}</code>`
        : html`<${Plain} of=${row[key]} />`,
  }));
  // It may have any number of columns: what is wider than the page is scrolled, by keys too.
  return html`<div class="wide" role="group" aria-label=${name} tabindex="0">
    <${Table}
      label=${name}
      columns=${columns}
      rows=${of.map((row, index) => ({ ...row, [ROW]: index }))}
      keyOf=${(row) => row[ROW]}
    />
  </div>`;
}

const ROW = Symbol('row');
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function Plain({ of }) {
  if (of === undefined || of === null) return null;
  const address = webAddress(of);
  if (address !== undefined) return html`<a href=${address} target="_blank" rel="noreferrer">${address}</a>`;
  if (typeof of === 'string' && MOMENT.test(of)) return html`<time datetime=${of}>${timeText(of)}</time>`;
  return String(of);
}

/** `oldestSeconds` as `Oldest seconds`. */
function wordsOf(name) {
  const words = name.replaceAll(
    /([a-z])([A-Z])|[-_]/g,
    (_all, low = '', high = '') => `${low} ${high.toLowerCase()}`,
  );
  return words.charAt(0).toUpperCase() + words.slice(1);
}

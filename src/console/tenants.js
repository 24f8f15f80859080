import { html } from './html.js';
import { rateText } from './activity-plots.js';
import { useAnswer } from './asking.js';
import { durationText, numberText } from './format.js';
import { useActivity } from './live.js';
import { go } from './location.js';
import { Answer, Field, Heading, Table } from './parts.js';
import { say } from './said.js';
import { chooseTenant, may } from './session.js';

const waitOf = ({ spoolSeconds, loadSeconds, deliverySeconds }) =>
  Math.max(spoolSeconds, loadSeconds, deliverySeconds);

const choose = (tenant) => {
  chooseTenant(tenant);
  say(`Tenant ${tenant}`);
  go(['overview']);
};

const COLUMNS = [
  {
    name: 'Tenant',
    of: ({ tenant }) =>
      html`<button type="button" class="link" onClick=${() => choose(tenant)}>${tenant}</button>`,
  },
  {
    name: 'Failing',
    of: ({ failing }) => (failing === 0 ? '0' : html`<span class="state bad">${numberText(failing)}</span>`),
    number: true,
  },
  { name: 'Accepted a second', of: ({ acceptedEvents }) => rateText(acceptedEvents), number: true },
  { name: 'Failed tries a second', of: ({ failed }) => rateText(failed), number: true },
  { name: 'Longest wait', of: (each) => durationText(waitOf(each)), number: true },
];

const OF_USAGE = [
  { name: 'Events this month', of: ({ usage }) => numberText(usage?.events ?? 0), number: true },
  { name: 'CPU seconds', of: ({ usage }) => numberText(Math.round(usage?.cpuSeconds ?? 0)), number: true },
];

const ORDERS = {
  lag: ['Lag', (each) => each.failing * 86_400 + waitOf(each)],
  load: ['Load', ({ acceptedEvents, usage }) => acceptedEvents * 1e9 + (usage?.events ?? 0)],
  cost: ['Cost', ({ usage }) => Number(usage?.cost ?? usage?.cpuSeconds ?? 0)],
};

/** Tenants, those first that fail or wait longest. */
export function TenantTable({ tenants, columns = COLUMNS, order = 'lag' }) {
  const [, sizeOf] = ORDERS[order];
  const sorted = [...tenants].sort(
    (one, other) => sizeOf(other) - sizeOf(one) || one.tenant.localeCompare(other.tenant),
  );
  return html`<${Table} label="Tenants" columns=${columns} rows=${sorted} keyOf=${({ tenant }) => tenant} />`;
}

/** All tenants of an operator, by lag, load or cost. */
export function TenantsPage({ location }) {
  const activity = useActivity({ everyTenant: true });
  const usage = useAnswer(may('usage:read') ? '/v1/usage' : undefined, {
    query: { by: 'tenant' },
    everySeconds: 60,
    everyTenant: true,
  });
  const order = Object.hasOwn(ORDERS, location.query.by ?? '') ? location.query.by : 'lag';
  return html`
    <${Heading} title="Tenants" />
    <${Order} order=${order} />
    <${Answer} of=${activity}>
      ${({ tenants = [] }) => {
        const used = new Map(usage.value?.rows.map((row) => [row.tenant, row]));
        const rows = tenants.map((each) => ({ ...each, usage: used.get(each.tenant) }));
        return html`<${TenantTable} tenants=${rows} columns=${columnsOf(usage.value)} order=${order} />`;
      }}
    <//>
  `;
}

function Order({ order }) {
  return html`<form class="filter">
    <${Field} label="Most first">
      <select onChange=${(event) => go(['tenants'], { by: event.currentTarget.value })}>
        ${Object.entries(ORDERS).map(([key, [name]]) => html`<option value=${key} selected=${key === order} key=${key}>${name}</option>`)}
      </select>
    <//>
  </form>`;
}

function columnsOf(usage) {
  if (usage === undefined) return COLUMNS;
  const { currency } = usage;
  const cost = { name: `Cost in ${currency}`, of: ({ usage: of }) => of?.cost ?? '0', number: true };
  return [...COLUMNS, ...OF_USAGE, ...(currency === undefined ? [] : [cost])];
}

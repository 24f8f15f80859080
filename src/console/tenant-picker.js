import { html } from './html.js';
import { useAnswer } from './asking.js';
import { Field, onSubmit } from './parts.js';
import { say } from './said.js';
import { chooseTenant, may } from './session.js';

/** Lets an operator choose the tenant to look at, of those it may reach, or none: then it sees all together. */
export function TenantPicker({ session }) {
  const asks = session.tenants === undefined && may('status:read');
  const { value } = useAnswer(asks ? '/v1/activity' : undefined, { everyTenant: true });
  const tenants = session.tenants ?? value?.tenants.map(({ tenant }) => tenant) ?? [];
  const choose = onSubmit(({ tenant }) => {
    chooseTenant(tenant);
    say(tenant === undefined ? 'All tenants' : `Tenant ${tenant}`);
  });
  return html`<form class="picker" onSubmit=${choose}>
    <${Field} label="Tenant">
      <input
        name="tenant"
        list="tenants"
        autocomplete="off"
        placeholder="all"
        defaultValue=${session.tenant ?? ''}
      />
    <//>
    <datalist id="tenants">${tenants.map((each) => html`<option value=${each} key=${each} />`)}</datalist>
    <button type="submit">Choose</button>
  </form>`;
}

import { html } from './html.js';
import { useAnswer } from './asking.js';
import { Field, onSubmit } from './parts.js';
import { say } from './said.js';
import { chooseTenant } from './session.js';

/** Lets an operator choose the tenant to look at: of a list where one is known, or by its id. */
export function TenantPicker({ session, operations }) {
  const listed = operations.has('GET /v1/tenants') && session.tenants === undefined;
  const { value } = useAnswer(listed ? '/v1/tenants' : undefined);
  const tenants = session.tenants ?? value?.tenants.map(({ tenant }) => tenant) ?? [];
  const choose = onSubmit(({ tenant }) => {
    if (tenant === undefined) return;
    chooseTenant(tenant);
    say(`Tenant ${tenant}`);
  });
  return html`<form class="picker" onSubmit=${choose}>
    <${Field} label="Tenant">
      <input name="tenant" list="tenants" autocomplete="off" defaultValue=${session.tenant ?? ''} required />
    <//>
    <datalist id="tenants">${tenants.map((each) => html`<option value=${each} key=${each} />`)}</datalist>
    <button type="submit">Choose</button>
  </form>`;
}

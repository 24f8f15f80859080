import { assertTenantId } from '../tenants/ids.js';
import { openCommandApi, type CommandApi } from './call-api.js';

/** What every command says that manages tenants by a running node. */
export interface ManagingOptions {
  readonly url?: string;
  readonly reason?: string;
}

/** The API, to look at tenants. */
export function readTenants({ url }: ManagingOptions): CommandApi {
  return openCommandApi({ url }, 'tenants:read');
}

/** The API, to change tenants. */
export function changeTenants({ url }: ManagingOptions): CommandApi {
  return openCommandApi({ url }, 'tenants:write');
}

/** The path of a tenant there. @throws HeadgateError `TENANT_ID_INVALID` */
export function tenantPath(tenant: string): string {
  return `/v1/tenants/${assertTenantId(tenant)}`;
}

/** The reason of a change, where there is one. */
export function reasonOf({ reason }: ManagingOptions): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

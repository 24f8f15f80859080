import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HeadgateError } from '../errors.js';
import { tenantFileName } from '../tenants/config/tenant-file.js';

/** Asserts that a tenant has a file in the directory `tenants`. @throws HeadgateError `NOT_FOUND` */
export function assertTenantThere(tenants: string, tenant: string): void {
  if (!existsSync(join(tenants, tenantFileName(tenant))))
    throw new HeadgateError('NOT_FOUND', `There is no tenant ${tenant}.`);
}

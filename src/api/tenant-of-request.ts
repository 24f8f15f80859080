import type { Context } from 'koa';
import { HeadgateError } from '../errors.js';
import { isTenantId } from '../tenants/ids.js';
import type { Caller } from './caller.js';

/**
 * Whom a route is for: `tenant`: it is about one tenant, its own or the one that an operator names; `operator`:
 * operators alone; `either`: a tenant sees its own part, an operator all that it reaches, or the one that it names.
 */
export type Audience = 'tenant' | 'operator' | 'either';

/** The header by which an operator names the tenant that a request is about. */
export const TENANT_HEADER = 'Headgate-Tenant';

/**
 * The tenant that a request is about; undefined where it is about all that an operator reaches. The only place where
 * a request's tenant is derived.
 * @param named the value of {@link TENANT_HEADER}, if it was sent
 * @throws HeadgateError `OPERATOR_ONLY`, `TENANT_OUT_OF_REACH` (403), `TENANT_REQUIRED` (400)
 */
export function tenantOfRequest(
  caller: Caller,
  audience: Audience,
  named: string | undefined,
): string | undefined {
  if (caller.tenant !== undefined && audience === 'operator')
    throw new HeadgateError(
      'OPERATOR_ONLY',
      'This call is for operators: their tokens have the role "operator".',
    );
  const tenant = named ?? caller.tenant;
  if (tenant === undefined) {
    if (audience !== 'tenant') return undefined;
    throw new HeadgateError(
      'TENANT_REQUIRED',
      `An operator says which tenant the call is about: send the header "${TENANT_HEADER}: <tenant>".`,
    );
  }
  if (!isTenantId(tenant))
    throw new HeadgateError('TENANT_REQUIRED', `The header "${TENANT_HEADER}" is not one tenant id.`);
  if (caller.reach.includes(tenant)) return tenant;
  throw new HeadgateError('TENANT_OUT_OF_REACH', `The token is not for the tenant ${tenant}.`);
}

/**
 * The tenant that the path of a request names, which need not be configured: calls that change tenants are about it.
 * For operators alone, so a tenant's own token is refused whatever the path says.
 * @throws HeadgateError `OPERATOR_ONLY`, `TENANT_OUT_OF_REACH` (403); `PARAMETER_INVALID` (400): it is not a tenant id, or
 * {@link TENANT_HEADER} names another
 */
export function tenantInPath(caller: Caller, inPath: string, named: string | undefined): string {
  if (caller.tenant === undefined && !isTenantId(inPath))
    throw new HeadgateError('PARAMETER_INVALID', 'The path does not have a tenant id where one belongs.');
  if (caller.tenant === undefined && named !== undefined && named !== inPath)
    throw new HeadgateError(
      'PARAMETER_INVALID',
      `The header "${TENANT_HEADER}" names another tenant than the path.`,
    );
  return tenantOfRequest(caller, 'operator', inPath)!;
}

/** What a request says by {@link TENANT_HEADER}; twice sent, it is no tenant's id. */
export function namedTenant(ctx: Context): string | undefined {
  return ctx.req.headers[TENANT_HEADER.toLowerCase()] as string | undefined;
}

/** The tenant that has to be configured, and not suspended, for the request; undefined where none has to. */
export function servedTenantOf(ctx: Context): string | undefined {
  return ctx.state.managed === true ? undefined : tenantOf(ctx);
}

/** The tenant that the guard has let a request through for. */
export function tenantOf(ctx: Context): string | undefined {
  return ctx.state.tenant as string | undefined;
}

import type { ChangedTenant } from '../../tenant-changes/tenants.js';
import type { Author } from '../../tenants/config/change-history.js';
import { preconditionOf } from '../preconditions.js';
import type { Call, CallCaller, RouteShape } from '../route.js';

/** A file of the most that one may have, as JSON writes it. */
export const MAX_FILE_BODY_BYTES = 2_500_000;

/** Of every route that manages one tenant. */
export const MANAGED = { audience: 'operator', tenantIn: 'tenant' } as const;
/** Headers of answers that have a version. */
export const ETAG = { ETag: 'The version, in quotes.' };
/** Of every change of a tenant's file. */
export const CHANGE_ERRORS = [
  'PARAMETER_INVALID',
  'NOT_FOUND',
  'PRECONDITION_FAILED',
  'PRECONDITION_REQUIRED',
  'STATE_CONFLICT',
  'DISK_FULL',
  'BATCH_KEY_WRONG',
] as const;

/** A version, in examples. */
export const VERSION = '7d9f2a01c3e4';
/** What became of a change, in examples. */
export const CHANGED = {
  tenant: 'globex',
  version: VERSION,
  number: 2,
  inForceAt: '2024-03-10T12:00:00.000Z',
};
/** Of requests that replace any version. */
export const ANY = { 'If-Match': '*' };

/** What a call says of any change. */
interface ChangingCall extends Pick<Call<RouteShape>, 'ctx'> {
  readonly tenant: string;
  readonly caller: CallCaller;
  readonly body?: { readonly reason?: string } | undefined;
  readonly query?: { readonly reason?: string } | undefined;
}

/** Who changes something by a call, and why. */
export function authorOf({ caller: { subject }, body, query }: ChangingCall): Author {
  const reason = body?.reason ?? query?.reason;
  return { by: subject, role: 'operator', ...(reason !== undefined && { reason }) };
}

/** What is asked for by a call, of whichever kind. */
export function changeOf(call: ChangingCall) {
  return { tenant: call.tenant, precondition: preconditionOf(call.ctx), author: authorOf(call) };
}

/** The answer of a change, with its version in `ETag`. */
export function answered({ ctx }: ChangingCall, changed: ChangedTenant): ChangedTenant {
  if (changed.version !== undefined) ctx.set('ETag', `"${changed.version}"`);
  return changed;
}

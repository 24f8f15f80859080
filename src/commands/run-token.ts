import ms, { type StringValue } from 'ms';
import { NARROWABLE_SCOPES, OPERATOR_SCOPES, SCOPES } from '../api/scopes.js';
import { MOST_TENANTS } from '../api/caller.js';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import { makeDevelopmentKeys, signToken, type TokenClaims } from '../keys/key-set.js';
import { assertTenantId, isSubscriptionName } from '../tenants/ids.js';
import { print, printError } from './terminal-text.js';
import { warnOfUnknownTenant } from './unknown-tenant.js';
import { noteActs } from './note-act.js';

/** The development key cannot revoke: a year is long enough for any test. */
const MAX_LIFETIME_MS = 366 * 24 * 60 * 60 * 1_000;

/** The key set may have the development key in it, so this is a warning. */
const OTHER_KEYS =
  'headgate: HEADGATE_JWKS is set: the token works only where the development key is in that key set. Tokens come from your own issuer then: docs/how-to/issue-tokens.md.';

/** Options of `headgate token`. */
export interface TokenOptions {
  readonly tenant?: string;
  readonly operator?: boolean;
  /** Separated by commas. */
  readonly tenants?: string;
  /** The claim `sub`, 1 to 200 characters. */
  readonly subject?: string;
  /** Separated by spaces. */
  readonly scope: string;
  /** Such as `1h`. */
  readonly expires: string;
}

/** Prints a token that is signed with the development key, which is made if there is none. */
export async function printToken(options: TokenOptions): Promise<void> {
  const config = loadConfig();
  const holder = holderOf(options);
  assertMayHold(holder, options.scope);
  await makeDevelopmentKeys(config.dataDir);
  const token = await signToken(config.dataDir, {
    ...holder,
    subject: checkSubject(options.subject),
    scope: checkScope(options.scope),
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    expiresInSeconds: secondsOf(options.expires, config.tokenMaxLifetimeMs),
  });
  await noteActs(config, [tokenMade(options, holder)]);
  print(token);
  if (config.jwks !== undefined) printError(OTHER_KEYS);
  for (const tenant of holder.tenants ?? [holder.tenant])
    if (tenant !== undefined) await warnOfUnknownTenant(config.dataDir, tenant, 'its requests are refused');
}

function tokenMade(
  { scope, expires, subject }: TokenOptions,
  { tenant, role, tenants }: Pick<TokenClaims, 'tenant' | 'role' | 'tenants'>,
): Parameters<typeof noteActs>[1][number] {
  const params = {
    scope,
    expires,
    ...(subject !== undefined && { subject }),
    ...(role !== undefined && { role }),
    ...(tenants !== undefined && { tenants: tenants.join(',') }),
  };
  return { act: 'token', kind: 'changes', outcome: 'ok', params, ...(tenant !== undefined && { tenant }) };
}

function holderOf({
  tenant,
  operator = false,
  tenants,
}: TokenOptions): Pick<TokenClaims, 'tenant' | 'role' | 'tenants'> {
  if (operator === (tenant !== undefined))
    throw new HeadgateError('CONFIG_INVALID', 'Give --tenant, or --operator: one of the two.');
  if (!operator) {
    if (tenants === undefined) return { tenant: assertTenantId(tenant) };
    throw new HeadgateError('CONFIG_INVALID', '--tenants is for a token of an --operator.');
  }
  if (tenants === undefined) return { role: 'operator' };
  const ids = tenants.split(',').map((id) => assertTenantId(id.trim()));
  if (ids.length <= MOST_TENANTS) return { role: 'operator', tenants: ids };
  throw new HeadgateError('CONFIG_INVALID', `--tenants may list ${MOST_TENANTS} at most.`);
}

function checkSubject(subject: string | undefined): string | undefined {
  if (subject === undefined || /^[^\p{Cc}]{1,200}$/u.test(subject)) return subject;
  throw new HeadgateError('CONFIG_INVALID', '--subject is a name of 1 to 200 characters, on one line.');
}

function checkScope(scope: string): string {
  const names = scope.split(/\s+/).filter(Boolean);
  const unknown = names.filter((name) => !SCOPES.some((known) => known === name) && !isNarrowed(name));
  if (names.length > 0 && unknown.length === 0) return names.join(' ');
  throw new HeadgateError(
    'CONFIG_INVALID',
    `Unknown scope "${unknown.join(' ')}". Scopes are: ${SCOPES.join(', ')}.`,
  );
}

/** A tenant's own token is refused where these are asked for; one that lists them would only mislead. */
function assertMayHold({ tenant }: Pick<TokenClaims, 'tenant'>, scope: string): void {
  if (tenant === undefined) return;
  const refused = scope.split(/\s+/).filter((name) => OPERATOR_SCOPES.some((each) => each === name));
  if (refused.length === 0) return;
  throw new HeadgateError(
    'CONFIG_INVALID',
    `The scope ${refused.join(' ')} is for operators alone: give --operator in the place of --tenant.`,
  );
}

/** `subscriptions:pull:<name>`: one subscription's. */
function isNarrowed(name: string): boolean {
  return NARROWABLE_SCOPES.some(
    (scope) => name.startsWith(`${scope}:`) && isSubscriptionName(name.slice(scope.length + 1)),
  );
}

function secondsOf(duration: string, maxMs = MAX_LIFETIME_MS): number {
  const milliseconds = ms(duration as StringValue) as number | undefined;
  if (milliseconds === undefined || !(milliseconds >= 1_000))
    throw new HeadgateError('CONFIG_INVALID', `"${duration}" is not a duration such as 10m, 1h or 30d.`);
  if (milliseconds <= maxMs) return Math.floor(milliseconds / 1_000);
  const most = ms(maxMs, { long: true });
  throw new HeadgateError(
    'CONFIG_INVALID',
    `A token may be valid for ${most} at most, not "${duration}": what is stolen works until it expires.`,
  );
}

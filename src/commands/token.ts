import { Command } from 'commander';
import ms, { type StringValue } from 'ms';
import { NARROWABLE_SCOPES, SCOPES } from '../api/authenticate.js';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import { makeDevelopmentKeys, signToken } from '../keys/key-set.js';
import { assertTenantId, isSubscriptionName } from '../tenant.js';

/** `headgate token`: signs a token with the development key. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('print a token signed with the development key')
    .requiredOption('--tenant <tenant>', 'whose events it may touch')
    .requiredOption(
      '--scope <scopes>',
      `space-separated, of: ${SCOPES.join(', ')}; subscriptions:pull:<name> is for one`,
    )
    .option('--expires <duration>', 'how long it is valid', '1h')
    .addHelpText(
      'after',
      `
Examples:
  $ headgate token --tenant UA --scope "events:write user-properties:write"
  $ TOKEN=$(headgate token --tenant UA --scope decisions:read --expires 10m)`,
    )
    .action(async (options: { tenant: string; scope: string; expires: string }) => {
      const config = loadConfig();
      await makeDevelopmentKeys(config.dataDir);
      const token = await signToken(config.dataDir, {
        tenant: assertTenantId(options.tenant),
        scope: checkScope(options.scope),
        issuer: config.jwtIssuer,
        audience: config.jwtAudience,
        expiresInSeconds: secondsOf(options.expires),
      });
      process.stdout.write(`${token}\n`);
    });
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

/** `subscriptions:pull:<name>`: one subscription's. */
function isNarrowed(name: string): boolean {
  return NARROWABLE_SCOPES.some(
    (scope) => name.startsWith(`${scope}:`) && isSubscriptionName(name.slice(scope.length + 1)),
  );
}

function secondsOf(duration: string): number {
  const milliseconds = ms(duration as StringValue) as number | undefined;
  if (milliseconds !== undefined && milliseconds >= 1_000) return Math.floor(milliseconds / 1_000);
  throw new HeadgateError('CONFIG_INVALID', `"${duration}" is not a duration such as 10m, 1h or 30d.`);
}

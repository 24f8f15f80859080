import { Command } from 'commander';
import { SCOPES } from '../api/scopes.js';
import type { TokenOptions } from './run-token.js';

/** `headgate token`: signs a token with the development key. */
export function tokenCommand(): Command {
  return new Command('token')
    .description('print a token signed with the development key')
    .option('--tenant <tenant>', 'whose events it may touch')
    .option('--operator', 'for an operator, who names the tenant in each request')
    .option('--tenants <ids>', 'of an operator: for these tenants alone, such as UA,DL; default: for all')
    .option('--subject <name>', 'who is to use it, the claim sub: kept with what it changes')
    .requiredOption(
      '--scope <scopes>',
      `space-separated, of: ${SCOPES.join(', ')}; subscriptions:pull:<name> is for one`,
    )
    .option('--expires <duration>', 'how long it is valid, 366d at most', '1h')
    .addHelpText(
      'after',
      `
Examples:
  $ headgate token --tenant UA --scope "events:write user-properties:write"
  $ TOKEN=$(headgate token --tenant UA --scope decisions:read --expires 10m)
  $ headgate token --operator --tenants UA,DL --subject ana --scope "dead-letters:read replays:read"`,
    )
    .action(async (options: TokenOptions) => (await import('./run-token.js')).printToken(options));
}

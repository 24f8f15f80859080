import { Option, type Command } from 'commander';
import { HeadgateError } from '../errors.js';
import { DEAD_REASONS } from '../workflows/delivery-messages.js';
import type { ApiCommandOptions } from './call-api.js';

/** Options of the commands that ask for many; times are RFC 3339. */
export interface FilterOptions extends ApiCommandOptions {
  readonly subscription?: string;
  /** The reason; `--reason` is why somebody does something about them. */
  readonly code?: string;
  readonly type?: string;
  readonly from?: string;
  readonly to?: string;
  readonly json: boolean;
}

/** Shown by every `--help`. */
export const EXAMPLES = `
Examples:
  $ headgate dead-letters list --tenant UA --subscription crm --code attempts-exhausted
  $ headgate dead-letters show crm~20240310-0123abcd-000000001~attempts-exhausted.10 --tenant UA
  $ headgate dead-letters redrive crm~20240310-0123abcd-000000001~attempts-exhausted.10 --tenant UA
  $ headgate dead-letters redrive --tenant UA --subscription crm --events-per-second 500
  $ headgate dead-letters discard --tenant UA --type 'test.*' --reason "events of the load test"
  $ headgate dead-letters export --tenant UA --from 2024-03-10T00:00:00Z > dead.ndjson

A dead letter holds events of one batch that one subscription could not be given for one reason; it is redriven whole.
The token is HEADGATE_TOKEN, or one signed with the development key.`;

/** A command about a tenant's dead letters. */
export function targeted(command: Command): Command {
  return command
    .requiredOption('--tenant <tenant>', 'whose dead letters')
    .option('--url <url>', 'address of the API (default: this machine, HEADGATE_PORT)')
    .option('--json', 'print the answer as JSON', false)
    .addHelpText('after', EXAMPLES);
}

/** A command about those that match a filter. */
export function filtered(command: Command): Command {
  return targeted(command)
    .option('--subscription <name>', 'of this subscription')
    .addOption(new Option('--code <code>', 'given up for this reason').choices(DEAD_REASONS))
    .option('--type <type>', 'holding events of this type, exact or a prefix as booking.*')
    .option('--from <time>', 'given up then or later, as 2024-03-10T00:00:00Z')
    .option('--to <time>', 'given up then or earlier');
}

/** The filter as the API takes it. */
export function filterOf({
  subscription,
  code: reason,
  type,
  from,
  to,
}: FilterOptions): Record<string, string> {
  const given = Object.entries({ subscription, reason, type, from, to });
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** The query of a list or an export. */
export function queryOf(
  options: FilterOptions,
  page: { limit?: string; pageToken?: string } = {},
): URLSearchParams {
  const { limit, pageToken } = page;
  const extra = { ...(limit !== undefined && { limit }), ...(pageToken !== undefined && { pageToken }) };
  return new URLSearchParams({ ...filterOf(options), ...extra });
}

/** @throws HeadgateError `CONFIG_INVALID` */
export function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new HeadgateError('CONFIG_INVALID', `${name} must be a whole number from 1, not "${text}".`);
}

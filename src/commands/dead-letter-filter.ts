import { HeadgateError } from '../errors.js';
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

import type { Context } from 'koa';
import { HeadgateError } from '../errors.js';
import { text } from '../platform/json-schema.js';
import type { Precondition } from '../tenant-changes/precondition.js';

/** Headers of requests that change something which has a version. */
export const PRECONDITION_HEADERS = {
  'If-Match': text({
    description:
      'The version that is to be changed, as `ETag` gave it: `"7d9f2a01c3e4"`, or several. `*`: any. Needed where something is there.',
  }),
  'If-None-Match': text({ description: '`*`: nothing may be there.' }),
};

/** A list of strong entity tags. RFC 9110, 8.8.3; Headgate's own have nothing but hexadecimal digits. */
const TAGS = /^"[\x21\x23-\x7e]*"(\s*,\s*"[\x21\x23-\x7e]*")*$/;

/**
 * What a request says about the version that it changes.
 * @throws HeadgateError `PARAMETER_INVALID`
 * @see RFC 9110, 13.1
 */
export function preconditionOf(ctx: Context): Precondition {
  const [match, none] = [ctx.get('if-match').trim(), ctx.get('if-none-match').trim()];
  if (none !== '' && none !== '*') throw invalid('If-None-Match', 'it can only be *');
  const ifNone = none === '*' ? { ifNone: true } : {};
  if (match === '') return ifNone;
  if (match === '*') return { ifMatch: '*', ...ifNone };
  if (!TAGS.test(match))
    throw invalid('If-Match', 'it has to be a version in quotes, as ETag gives it, or *');
  return { ifMatch: match.split(/\s*,\s*/).map((tag) => tag.slice(1, -1)), ...ifNone };
}

function invalid(header: string, problem: string): HeadgateError {
  return new HeadgateError('PARAMETER_INVALID', `The header ${header} is not as it should be: ${problem}.`);
}

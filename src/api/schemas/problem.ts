import { Type, type TSchema } from '@sinclair/typebox';
import type { ErrorCode } from '../../errors.js';
import { closed } from '../../platform/json-schema.js';
import { PROBLEM_DETAILS } from '../route-errors.js';

const MEMBERS = {
  type: Type.String({ description: '`urn:headgate:problem:` and the code in lower case.' }),
  title: Type.String({ description: 'The status in words.' }),
  status: Type.Integer({ description: 'The HTTP status.' }),
  code: Type.String({ description: 'Stable: programs go by it.' }),
  detail: Type.String({ description: 'For people; may change.' }),
};

const PROBLEM = closed(MEMBERS, {
  title: 'Problem',
  description: 'An error, as RFC 9457 has it.',
});

/** The schema of a problem with one of these codes: some have members of their own. */
export function problemSchema(codes: readonly (ErrorCode | 'INTERNAL')[]): TSchema {
  const special = codes.flatMap((code) => {
    const details = code === 'INTERNAL' ? undefined : PROBLEM_DETAILS[code];
    return details === undefined ? [] : [{ code, details }];
  });
  const schemas = special.map(({ code, details }) =>
    closed({ ...MEMBERS, code: Type.Literal(code), ...details }, { title: `Problem${pascal(code)}` }),
  );
  if (schemas.length === 0) return PROBLEM;
  const all = special.length === codes.length ? schemas : [PROBLEM, ...schemas];
  return all.length === 1 ? all[0]! : Type.Union(all);
}

function pascal(code: string): string {
  return code
    .split('_')
    .map((word) => `${word.slice(0, 1)}${word.slice(1).toLowerCase()}`)
    .join('');
}

import { text, integer, literal, either, closed, optional, type Schema } from '../../platform/json-schema.js';
import type { ErrorCode } from '../../errors.js';
import { PROBLEM_DETAILS } from '../route-errors.js';

const MEMBERS = {
  type: text({ description: '`urn:headgate:problem:` and the code in lower case.' }),
  title: text({ description: 'The status in words.' }),
  status: integer({ description: 'The HTTP status.' }),
  code: text({ description: 'Stable: programs go by it.' }),
  detail: text({ description: 'For people; may change.' }),
  message: optional(text({ description: 'The same, where clients of Segment or RudderStack look for it.' })),
};

const PROBLEM = closed(MEMBERS, {
  title: 'Problem',
  description: 'An error, as RFC 9457 has it.',
});

/** The schema of a problem with one of these codes: some have members of their own. */
export function problemSchema(codes: readonly (ErrorCode | 'INTERNAL')[]): Schema {
  const special = codes.flatMap((code) => {
    const details = code === 'INTERNAL' ? undefined : PROBLEM_DETAILS[code];
    return details === undefined ? [] : [{ code, details }];
  });
  const schemas = special.map(({ code, details }) =>
    closed({ ...MEMBERS, code: literal(code), ...details }, { title: `Problem${pascal(code)}` }),
  );
  if (schemas.length === 0) return PROBLEM;
  const all = special.length === codes.length ? schemas : [PROBLEM, ...schemas];
  return all.length === 1 ? all[0]! : either(all);
}

function pascal(code: string): string {
  return code
    .split('_')
    .map((word) => `${word.slice(0, 1)}${word.slice(1).toLowerCase()}`)
    .join('');
}

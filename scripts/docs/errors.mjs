/** docs/reference/errors.md: every code of an error. */
import { statusOf } from '../../src/api/problem.ts';
import { HeadgateError } from '../../src/errors.ts';
import { ERROR_TEXTS } from '../../src/reference/errors/error-texts.ts';
import { DEAD_REASON_TEXTS, FAULTS, REJECTIONS } from '../../src/reference/errors/events.ts';
import { DEAD_REASONS } from '../../src/workflows/messages/deliveries.ts';
import { anchorOf, code, item, prose, table, title } from './markdown.mjs';

const INTRODUCTION = `Every error that Headgate raises on purpose has a code, which stays what it is.
It is \`code\` in an \`application/problem+json\` answer, it ends what a command prints, and it is the \`type\` of a failure in Temporal.
The message beside it is for people and may change.
An error without a status is a command's, or is seen in Temporal.
An answer of 500 (\`INTERNAL\`) is a fault of Headgate's, and its log says more.`;

const RETRY = `Retry: whether the same call may succeed later without a change.
Of one that depends, the cause decides.`;

const RETRY_WORDS = {
  yes: 'Trying again may succeed.',
  no: 'Trying again without a change does not help.',
  depends: 'Whether trying again helps depends on the cause.',
};

const NO_STATUS = 500;

/** The page's text. */
export async function page() {
  const codes = Object.keys(ERROR_TEXTS).sort();
  const rows = codes.map((name) => {
    const { retry } = ERROR_TEXTS[name];
    return [`[${code(name)}](#${anchorOf(name)})`, statusFor(name) ?? '', retry];
  });
  return [
    title('Errors', 'src/errors.ts, src/api/problem.ts, src/reference/errors/'),
    prose(INTRODUCTION.replaceAll('\n', ' ')),
    prose(RETRY.replaceAll('\n', ' ')),
    '- [Rejected events](#rejected-events)\n- [Reasons of dead letters](#reasons-of-dead-letters)\n- [Failures of expressions](#failures-of-expressions)',
    table(['Code', 'Status', 'Retry'], rows),
    ...codes.flatMap(error),
    ...events(),
  ].join('\n\n');
}

function statusFor(name) {
  const status = statusOf(new HeadgateError(name, ''));
  return status === NO_STATUS ? undefined : status;
}

function error(name) {
  const { when, todo, retry } = ERROR_TEXTS[name];
  const status = statusFor(name);
  const facts = [
    ...(status === undefined ? [] : [item(`HTTP status: ${status}.`)]),
    item(`What to do: ${todo}`),
    item(RETRY_WORDS[retry]),
  ];
  return [`## ${code(name)}`, prose(when), facts.join('\n')];
}

/** Codes of events, which are no errors of a request. */
function events() {
  const described = Object.keys(DEAD_REASON_TEXTS);
  if (described.join() !== DEAD_REASONS.join())
    throw new Error(
      `The reasons of dead letters are ${DEAD_REASONS.join()}, and described are ${described.join()}.`,
    );
  const list = (texts) => Object.entries(texts).map(([name, text]) => item(`${code(name)}: ${text}`));
  return [
    '## Rejected events',
    prose(
      '`code` of an event that a request was answered `rejected` for. The others of the request are taken.',
    ),
    list(REJECTIONS).join('\n'),
    '## Reasons of dead letters',
    prose('`reason` of a dead letter.'),
    list(DEAD_REASON_TEXTS).join('\n'),
    '## Failures of expressions',
    prose(
      'Why an [expression](expressions.md) failed on an event: `code` of a failure, as `headgate rules errors` counts them.',
    ),
    list(FAULTS).join('\n'),
  ];
}

/** docs/reference/log-lines.md: every line of the log, and its fields. */
import { LOG_FIELDS } from '../../src/reference/log-lines/fields.ts';
import { LOG_LINES } from '../../src/reference/log-lines/log-lines.ts';
import { anchorOf, code, item, prose, table, title } from './markdown.mjs';

const INTRODUCTION = `The log is on stderr: JSON, an object a line, or a readable form at a terminal ([\`HEADGATE_LOG_FORMAT\`](configuration.md#headgate_log_format)).
Every line has an \`id\`, which stays what it is: search for it, and alert on it.
\`msg\` is the phrase below, always the same for an id.
What differs from line to line is in fields, which have the same name in every line.
To find all lines of one batch, search for its id as text: it is \`batch\` in most lines, and the end of \`workflowId\` in those of Temporal's SDK.
Tokens, authorization headers, passwords and secrets are never in it, and texts are cut after 4,000 characters.`;

const JSON_FORM = `In JSON, \`level\` is a number: ${code('20')} debug, ${code('30')} info, ${code('40')} warn, ${code('50')} error.
\`time\` is in milliseconds since 1970.`;

/** The page's text. */
export async function page() {
  const ids = Object.keys(LOG_LINES).sort();
  const rows = ids.map((id) => {
    const { level, phrase } = LOG_LINES[id];
    return [`[${code(id)}](#${anchorOf(id)})`, [level].flat().join(', '), phrase];
  });
  const fields = Object.keys(LOG_FIELDS).sort();
  return [
    title('Log lines', 'src/reference/log-lines/'),
    prose(INTRODUCTION.replaceAll('\n', ' ')),
    prose(JSON_FORM.replaceAll('\n', ' ')),
    '- [All of them](#all-of-them)\n- [Fields](#fields)',
    '## All of them',
    table(['Id', 'Level', 'Phrase (`msg`)'], rows),
    ...ids.flatMap(line),
    '## Fields',
    fields.map((name) => item(`${code(name)}: ${LOG_FIELDS[name]}`)).join('\n'),
  ].join('\n\n');
}

function line(id) {
  const { level, phrase, means, todo, page: runbook } = LOG_LINES[id];
  const facts = [
    item(`Level: ${[level].flat().join(', ')}.`),
    item(`Phrase: "${phrase}".`),
    ...(todo === undefined ? [] : [item(`What to do: ${todo}`)]),
    ...(runbook === undefined ? [] : [item(`[Runbook](../runbook/${runbook}).`)]),
  ];
  return [`### ${code(id)}`, prose(means), facts.join('\n')];
}

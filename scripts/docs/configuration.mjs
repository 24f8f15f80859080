/** docs/reference/configuration.md: every environment variable. */
import { variableForms } from '../../src/config.ts';
import { OTHER_VARIABLES, VARIABLE_GROUPS, VARIABLES } from '../../src/reference/variables.ts';
import { anchorOf, code, item, prose, title } from './markdown.mjs';

const INTRODUCTION = `Headgate is configured by environment variables, which a process reads once, when it starts.
A variable that is empty counts as not set.
A variable that begins with \`HEADGATE_\` and is none of these is warned of, with the name that was probably meant.
A value that cannot be used ends the command with [\`CONFIG_INVALID\`](errors.md#config_invalid), and its message names every variable that is wrong.
\`headgate doctor\` checks them all.`;

/** The page's text. */
export async function page() {
  const all = { ...VARIABLES, ...OTHER_VARIABLES };
  const forms = variableForms();
  const groups = Object.entries(VARIABLE_GROUPS).map(([key, heading]) => ({
    heading,
    variables: Object.entries(all).filter(([, { group }]) => group === key),
  }));
  return [
    title('Configuration', 'src/config.ts, src/reference/variables.ts'),
    prose(INTRODUCTION.replaceAll('\n', ' ')),
    groups.map(({ heading }) => `- [${heading}](#${anchorOf(heading)})`).join('\n'),
    ...groups.flatMap(({ heading, variables }) => [
      `## ${heading}`,
      ...variables.flatMap(([name, text]) => variable(name, text, forms.get(name))),
    ]),
  ].join('\n\n');
}

function variable(name, { what, unset }, { form = 'text', fallback } = {}) {
  const heading = name.split(', ').map(code).join(', ');
  const facts = [
    fallback === undefined ? item(`Not set: ${unset}.`) : item(`Default: ${code(fallback)}.`),
    ...(form === 'text' ? [] : [item(`Must be ${form}.`)]),
  ];
  return [`### ${heading}`, prose(what), facts.join('\n')];
}

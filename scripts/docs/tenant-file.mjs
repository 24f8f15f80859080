/** docs/reference/tenant-file.md: every key of a tenant's file. */
import { anchorOf, code, item, prose, title } from './markdown.mjs';
import { formOf, tenantKeys, written } from './tenant-keys.mjs';

const INTRODUCTION = `There is one YAML file per tenant.
\`headgate tenant apply DIR|FILE\` checks it and applies it to the running processes.
A key that is unknown is refused, and so is a value that does not fit, with its line and column ([\`TENANT_CONFIG_INVALID\`](errors.md#tenant_config_invalid)).`;

const FORMS = `A duration is a number with a unit: \`20ms\`, \`5s\`, \`15m\`, \`24h\`, \`7 days\`.
A size is a number of bytes, or one with a unit: \`500KB\`, \`2MB\`, \`1GB\`; a KB has 1,024 bytes.
CEL is what [expressions](expressions.md) are written in.
In the headings \`[]\` is an element of a list, and \`<name>\` a name of your own.`;

const EDITORS = `Editors that know [YAML language server](https://github.com/redhat-developer/yaml-language-server) complete and check such files by [tenant.schema.json](../../tenant.schema.json), which comes with the package.
The first line of a file says where it is:`;

const HINT = '```yaml\n# yaml-language-server: $schema=node_modules/headgate/tenant.schema.json\n```';

const MORE = `\`tenant apply\` checks more than that schema can say: expressions, names that belong together, and limits that depend on each other.`;

const oneLine = (text) => prose(text.replaceAll('\n', ' '));

/** The page's text. */
export async function page() {
  const keys = tenantKeys();
  const top = [...keys.keys()].filter((path) => !/[.[]/.test(path));
  return [
    title('The file of a tenant', 'src/tenants/config/tenant-config.ts, and what it imports'),
    oneLine(INTRODUCTION),
    oneLine(FORMS),
    oneLine(EDITORS),
    HINT,
    prose(MORE),
    top.map((path) => `- [${code(path)}](#${anchorOf(path)})`).join('\n'),
    ...[...keys].flatMap(([path, forms]) => key(path, forms)),
  ].join('\n\n');
}

function key(path, forms) {
  const { description, unset, examples: [example] = [] } = forms[0].schema;
  const isRequired = forms.some((form) => form.isRequired);
  const facts = [
    ...of(forms),
    ...must(path, forms),
    ...(isRequired ? [item('Required.')] : []),
    ...unlessSet(forms),
    ...(unset === undefined || isRequired ? [] : [item(`Not set: ${unset}.`)]),
    ...(example === undefined ? [] : [item(`Example: ${code(written(example))}.`)]),
  ];
  const level = /[.[]/.test(path) ? '###' : '##';
  return [`${level} ${code(path)}`, prose(description), facts.join('\n')];
}

/** What holds while the key is not set, where its schema has a default; by what it depends on, where it does. */
function unlessSet(forms) {
  const byDefault = grouped(forms, ({ schema }) => defaultOf(schema));
  if (byDefault.has('')) return [item('Not set: none.')];
  if (byDefault.size <= 1) return [...byDefault.keys()].map((value) => item(`Default: ${code(value)}.`));
  return [...byDefault].map(([value, where]) =>
    item(`Default of ${where.map(code).join(' and ')}: ${code(value)}.`),
  );
}

/** As written, empty for what is empty; undefined where there is none, and for a section, whose keys have their own. */
function defaultOf({ default: fallback, properties }) {
  if (fallback === undefined || properties !== undefined) return undefined;
  return typeof fallback === 'object' && Object.keys(fallback).length === 0 ? '' : written(fallback);
}

/** What the forms of a key are of, by what is said of them. */
function grouped(forms, say) {
  const by = new Map();
  for (const form of forms) {
    const said = say(form);
    if (said !== undefined) by.set(said, [...(by.get(said) ?? []), form.of]);
  }
  return by;
}

/** How many kinds there are of subscriptions and of senders. */
const ALL_KINDS = [3, 7];

/** The kinds that have the key, where not all have it. */
function of(forms) {
  const kinds = [...new Set(forms.flatMap((form) => form.of?.split(', ').slice(0, 1) ?? []))];
  const isOfAll =
    kinds.length === 0 ||
    ALL_KINDS.includes(kinds.length) ||
    (kinds.includes('kind: parquet') && kinds.length === 2);
  return isOfAll ? [] : [item(`Of ${kinds.map(code).join(' and ')}.`)];
}

/** What the value must be; by what it depends on, where it does. */
function must(path, forms) {
  if (path.endsWith('[]') || path.endsWith('<name>')) return [];
  const byForm = grouped(forms, ({ schema }) => formOf(schema));
  if (byForm.size <= 1) return [...byForm.keys()].map((form) => item(`Must be ${form}.`));
  return [...byForm].map(([form, where]) => item(`Of ${where.map(code).join(' and ')}: ${form}.`));
}

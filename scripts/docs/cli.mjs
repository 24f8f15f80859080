/** docs/reference/cli.md: what every command says of itself with `--help`. */
import { createCli } from '../../src/commands/create-cli.ts';
import { anchorOf, code, prose, title, wrapped } from './markdown.mjs';

const INTRODUCTION = `This is what each command says with \`--help\`.
Commands are configured by [environment variables](configuration.md).
An error is one message that ends with its [code](errors.md), and exit code 1.`;

/** Columns of help, so that its lines fit the page. */
const WIDTH = 96;

/** The page's text. */
export async function page() {
  const cli = await createCli();
  const commands = [...walk(cli)];
  return [
    title('Commands', 'src/commands/'),
    prose(INTRODUCTION.replaceAll('\n', ' ')),
    commands.map(entry).join('\n'),
    ...commands.flatMap((command) => [
      `## ${code(nameOf(command))}`,
      `\`\`\`text\n${helpOf(command)}\n\`\`\``,
    ]),
  ].join('\n\n');
}

/** A command and all below it, in the order of help. */
function* walk(command) {
  yield command;
  for (const each of command.createHelp().visibleCommands(command))
    if (each.name() !== 'help') yield* walk(each);
}

function nameOf(command) {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** An item of the list at the top, indented as deep as its command is. */
function entry(command) {
  const name = nameOf(command);
  return `${'  '.repeat(name.split(' ').length - 1)}- [${code(name)}](#${anchorOf(name)})`;
}

/** As a terminal shows it, with what the command adds before and after. */
function helpOf(command) {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return fitted(text.trim().replace(/ +$/gm, ''));
}

/** What commands add to their help is broken by hand for wide terminals: such lines are joined, and broken for the page. */
function fitted(text) {
  const joined = [];
  let isOpen = false;
  for (const line of text.split('\n')) {
    if (isOpen && /^\S/.test(line) && !/^[A-Z][a-z ]*: /.test(line)) joined[joined.length - 1] += ` ${line}`;
    else joined.push(line);
    isOpen = /^\S/.test(line) && line.length > WIDTH;
  }
  return joined.map((line) => (/^\S/.test(line) ? wrapped(line, WIDTH) : line)).join('\n');
}

/** The sections of CHANGELOG.md, which has the form of Keep a Changelog. */

const UNRELEASED = '## [Unreleased]';

/**
 * The changelog with what is unreleased under a version. A version that has its section keeps it, and gets what has become
 * unreleased since.
 * @throws Error: nothing is unreleased, and there is no such section
 */
export function cut(text, version, date) {
  const unreleased = sectionOf(text, UNRELEASED);
  const heading = `## [${version}]`;
  const released = sectionOf(text, heading);
  if (unreleased === undefined) throw new Error(`The changelog has no "${UNRELEASED}".`);
  if (unreleased.body === '' && released === undefined)
    throw new Error('Nothing is unreleased: say in CHANGELOG.md what has changed.');
  const rest = released === undefined ? text : text.slice(0, released.start) + text.slice(released.end);
  const body = [unreleased.body, released?.body].filter(Boolean).join('\n\n');
  const { start, end } = sectionOf(rest, UNRELEASED);
  return (
    `${rest.slice(0, start)}${UNRELEASED}\n\n${heading} - ${date}\n\n${body}\n\n${rest.slice(end)}`.trimEnd() +
    '\n'
  );
}

/**
 * What a version's section says.
 * @throws Error: there is no such section, or it is empty
 */
export function notesOf(text, version) {
  const body = sectionOf(text, `## [${version}]`)?.body;
  if (body) return body;
  throw new Error(`CHANGELOG.md says nothing of ${version}.`);
}

function sectionOf(text, heading) {
  const at = `\n${text}`.indexOf(`\n${heading}`);
  if (at === -1) return undefined;
  const next = text.indexOf('\n## ', at);
  const end = next === -1 ? text.length : next + 1;
  const body = text.slice(text.indexOf('\n', at), end).trim();
  return { start: at, end, body };
}

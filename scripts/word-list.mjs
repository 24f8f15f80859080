/**
 * Words that say it worse than another does, as they are found in documents, and in the comments and strings of the code.
 * Identifiers are not looked at, and log phrases neither.
 */
import ts from 'typescript';

/** Between two words: the second may be on the next line of a comment. */
const GAP = '\\s+(?:\\* |// )?';

/** @param words a regular expression, in which a space stands for any gap */
const wrong = (words, right, why) => ({
  pattern: new RegExp(`\\b(?:${words.replaceAll(' ', GAP)})\\b`, 'gi'),
  right,
  why,
});

const GLOSSARY = 'see the glossary';

/** What is found, what to write for it, and why. */
const WORDS = [
  wrong('mend(?:s|ed|ing)?', 'fix', 'nobody mends software, or searches for it'),
  wrong('(?:tell|tells|told|telling) of', 'notified of, reports, called with', 'stories tell of things'),
  wrong('so (?:many|much|long)(?! (?:as|that)\\b)', 'N, the number of, this long', 'a quantity has a name'),
  wrong(
    '(?<!\\bthere )(?:is|are|was|were|be) no (?:text|number|JSON|UTF-8|gzip|event|string|object|list|array|date|key)',
    'is not text, is not a number',
    '"is no number" says that there is none',
  ),
  wrong('by (?:itself|themselves)', 'automatically, on its own, separately', 'it means three things'),
  wrong('in vain', 'without success', 'it is solemn'),
  wrong('set(?:s|ting)? (?:\\w+ )?aside', 'quarantined', 'that is its name'),
  wrong(
    '(?:is|are|was|were|be|been) let in|lets? (?:us|it|them|everything) in',
    'admitted',
    'that is its name',
  ),
  wrong('t(?:ake|akes|aken|ook|aking) (?:\\w+ )?along', 'migrated, kept', 'it says what happens'),
  wrong("whom?ever(?:'s)?", 'the person who, the process that, any', 'a reader asks who that is'),
  wrong('lanes?', "partition, local activities, or the tenant's queue", GLOSSARY),
  wrong('standings?', 'status', GLOSSARY),
  wrong('doors?', 'API, or ingest', GLOSSARY),
  wrong('troubles?', 'alert', GLOSSARY),
  wrong('park(?:s|ed|ing)?', 'dead-letter, or pause', 'it was a word for both'),
];

/** In documents the words of the glossary alone; in the code the older ones are still identifiers. */
const TERMS = [wrong('lots?(?! of\\b)', 'leased batch', GLOSSARY)];

/** Exact texts that may stay where they are, and why. */
const ALLOWED = [
  {
    in: 'src',
    text: 'park',
    why: "the name of an activity in histories, of fault points, and a metric's label",
  },
  { in: 'src/commands/dead-letter-tables.ts', text: 'parked', why: 'a heading, as the API has `parkedAt`' },
  { in: 'src/roles/api-role.ts', text: 'door', why: 'the name of a check of `/readyz`' },
  { in: 'scripts/record-histories.mjs', text: 'park', why: 'the name of an activity in histories' },
  { in: 'scripts/record-histories.mjs', text: 'lane', why: 'in names of files of histories' },
  { in: 'src/commands/examine.ts', text: 'mend', why: 'a key in the output of `headgate doctor --json`' },
];

const PROPERTY_OF_LOG = /\blog(?:ger)?\??\.(?:trace|debug|info|warn|error|fatal)$/;

/** A text with some ranges blank, its lines where they were. */
function blanked(text, ranges) {
  const kept = [];
  let at = 0;
  for (const [start, end] of ranges.sort(([left], [right]) => left - right)) {
    if (end <= at) continue;
    const from = Math.max(start, at);
    kept.push(text.slice(at, from), text.slice(from, end).replace(/[^\n]/g, ' '));
    at = end;
  }
  return kept.join('') + text.slice(at);
}

/** What people read of a source file: comments and strings, but no identifiers and no log phrases. */
function proseOfCode(file, text) {
  const ranges = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const visit = (node) => {
    const isLog = ts.isCallExpression(node) && PROPERTY_OF_LOG.test(node.expression.getText(source));
    if (ts.isIdentifier(node) || isLog) ranges.push([node.getStart(source), node.end]);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  return blanked(text, ranges);
}

/** What people read of a document: no blocks of code, and in the glossary no older words. */
function proseOfDocument(file, text) {
  const prose = text.replace(/^( *)(```+).*?^\1\2$/gms, (block) => block.replace(/[^\n]/g, ' '));
  return file === 'ARCHITECTURE.md' ? prose.replace(/^(\| [^|(]+)\([^)]*\)/gm, '$1') : prose;
}

function problemsOf(file, prose, words) {
  return words.flatMap(({ pattern, right, why }) =>
    [...prose.matchAll(pattern)]
      .filter(([found]) => !ALLOWED.some((one) => file.startsWith(one.in) && one.text === found))
      .map(({ 0: found, index }) => {
        const line = prose.slice(0, index).split('\n').length;
        return `${file}:${line}: "${found.replace(/\s+(?:\* |\/\/ )?/g, ' ')}": write ${right} (${why}).`;
      }),
  );
}

/** A sentence for each wrong word in a file, given by its path from the root. */
export function wrongWordsIn(file, text) {
  return file.endsWith('.md')
    ? problemsOf(file, proseOfDocument(file, text), [...WORDS, ...TERMS])
    : problemsOf(file, proseOfCode(file, text), WORDS);
}

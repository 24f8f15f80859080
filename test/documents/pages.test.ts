import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { documents, textOf } from '../support/documents.js';

/** Where the pages of a folder are listed. */
const INDEXES = {
  'docs/tutorial/': 'docs/README.md',
  'docs/how-to/': 'docs/README.md',
  'docs/explanation/': 'docs/README.md',
  'docs/reference/': 'docs/README.md',
  'docs/verified/': 'docs/README.md',
  'docs/runbook/': 'docs/runbook/README.md',
  'docs/decisions/': 'docs/decisions/README.md',
} as const;

/** Written by people, a sentence a line. */
const PROSE = /^(README|docs\/(README|(tutorial|how-to|explanation|runbook|decisions)\/.*))\.md$/;

describe('the pages of the documents', () => {
  for (const [folder, index] of Object.entries(INDEXES))
    it(`in ${folder} are all listed in ${index}`, () => {
      const links = [...textOf(index).matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) =>
        posix.join(posix.dirname(index), link),
      );
      const pages = documents().filter((page) => page.startsWith(folder) && page !== index);
      assert.deepEqual(
        pages.filter((page) => !links.includes(page)),
        [],
      );
    });

  it('have lines that can be read in a diff', () => {
    for (const page of documents().filter((each) => PROSE.test(each))) {
      const prose = textOf(page).replaceAll(/^ *```.*?^ *```$/gms, '');
      const long = prose.split('\n').filter((line) => line.length >= 100 && !/^(\||\[[^\]]*\]\()/.test(line));
      assert.deepEqual(long, [], page);
    }
  });
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERROR_TEXTS } from '../../src/reference/errors/error-texts.js';
import { INGEST_LINES } from '../../src/reference/log-lines/ingest.js';
import type { LineText } from '../../src/reference/log-lines/line-text.js';
import { LOG_LINES } from '../../src/reference/log-lines/log-lines.js';
import { PROCESS_LINES } from '../../src/reference/log-lines/process.js';
import { SUBSCRIPTION_LINES } from '../../src/reference/log-lines/subscriptions.js';
import { TENANT_LINES } from '../../src/reference/log-lines/tenants.js';
import { WAREHOUSE_LINES } from '../../src/reference/log-lines/warehouse.js';
import { textOf } from '../support/documents.js';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const LINES: [string, LineText][] = Object.entries(LOG_LINES);

/** Words that only Headgate's authors use, and what an operator would search for. */
const JARGON = /\b(lanes?|lots?|park\w*|mend\w*|told|standing|chunks?|sealed|pace)\b/i;

/** Where a line can be logged: all but what describes it. */
function sources(): string {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' });
  const code = paths.filter((path) => path.endsWith('.ts') && !path.startsWith('reference/'));
  return code.map((path) => readFileSync(`${SRC}${path}`, 'utf8')).join('\n');
}

describe('the lines of the log', () => {
  it('have ids in capitals, each once, none of which is the code of an error', () => {
    const groups = [INGEST_LINES, PROCESS_LINES, SUBSCRIPTION_LINES, TENANT_LINES, WAREHOUSE_LINES];
    const ids = groups.flatMap((group) => Object.keys(group));
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) {
      assert.match(id, /^[A-Z]+(_[A-Z]+)*$/);
      assert.ok(!(id in ERROR_TEXTS), id);
    }
  });

  it('have a phrase of their own, in usual words, without values', () => {
    const phrases = LINES.map(([, { phrase }]) => phrase);
    assert.equal(new Set(phrases).size, phrases.length);
    for (const [id, { phrase, means }] of LINES) {
      assert.doesNotMatch(phrase, /[`"{}$%\d\n]|\.$/, id);
      assert.ok(phrase.length <= 90, `${id}: ${phrase.length}`);
      assert.doesNotMatch(`${phrase} ${means}`, JARGON, id);
    }
  });

  it('are all logged somewhere', () => {
    const code = sources();
    const never = LINES.map(([id]) => id).filter((id) => !code.includes(`'${id}'`));
    assert.deepEqual(never, []);
  });

  it('that warn have what to do, and a page of the runbook that names them', () => {
    const unnamed = LINES.filter(([id, line]) => {
      if (!('page' in line)) return false;
      assert.ok(line.todo.length > 0);
      const [page = ''] = line.page.split('#');
      return !textOf(`docs/runbook/${page}`).includes(`\`${id}\``);
    });
    assert.deepEqual(
      unnamed.map(([id]) => id),
      [],
    );
  });
});

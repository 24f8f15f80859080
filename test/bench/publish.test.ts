import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { compareRuns } from '../../bench/report/compare.js';
import { publish } from '../../bench/report/publish.js';
import { useTempDir } from '../support/temp-dir.js';

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url));

describe('results of the benchmark', () => {
  const dir = useTempDir();

  function run(name: string, figures: Record<string, { value: number | null; unit: string }>): string {
    const file = join(dir(), name);
    const measured = { samples: Array.from({ length: 500 }, (_, n) => ({ n })) };
    const cases = {
      load: {
        title: 't',
        seconds: 1,
        tookSeconds: 2,
        correct: true,
        figures,
        accounts: {},
        details: { measured },
      },
      broken: { title: 'b', tookSeconds: 1, correct: false, failure: 'lost' },
    };
    const rest = { machine: { cores: 2 }, versions: {}, settings: {}, startedAt: '2026-12-01T00:00:00Z' };
    writeFileSync(file, JSON.stringify({ schema: 'headgate-bench/1', ...rest, cases }));
    return file;
  }

  it('are kept without their samples, with every figure', () => {
    const file = run('a.json', { rate: { value: 40_000, unit: '/s' } });
    const [latest = '', summary = ''] = publish([file], dir());
    assert.match(summary, /2026-12-01\.md$/);
    assert.match(readFileSync(summary, 'utf8'), /\| load +\| rate 40,000 \/s +\|\n\| broken +\| failed/);
    assert.doesNotMatch(readFileSync(latest, 'utf8'), /samples/);
    assert.match(compareRuns(file, latest), /^1 figures compared, 0 differ/);
  });

  it('are compared figure by figure, and what changes by less than a tenth is left out', () => {
    const before = run('b.json', {
      rate: { value: 100, unit: '/s' },
      p99: { value: 10, unit: 'ms' },
      none: { value: null, unit: 'ms' },
      zero: { value: 0, unit: '' },
    });
    const after = run('c.json', {
      rate: { value: 80, unit: '/s' },
      p99: { value: 10.5, unit: 'ms' },
      none: { value: 3, unit: 'ms' },
      zero: { value: 1, unit: '' },
    });
    const text = stripVTControlCharacters(compareRuns(before, after));
    assert.match(text, /load: rate .*100 \/s .*80 \/s .*-20%/);
    assert.doesNotMatch(text, /p99|none|zero/);
    assert.match(text, /2 figures compared, 1 differ/);
  });

  it('are short in the repository: a summary a release, and one file with its figures', () => {
    for (const name of readdirSync(RESULTS)) {
      assert.match(name, /^(\d{4}-\d{2}-\d{2}\.md|latest\.json)$/);
      const lines = readFileSync(join(RESULTS, name), 'utf8').split('\n').length;
      assert.ok(lines <= (name.endsWith('.md') ? 81 : 5_000), `${name} has ${lines} lines`);
    }
  });
});

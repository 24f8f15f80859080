import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { queryCommand } from '../../src/commands/query.js';
import { runQuery } from '../../src/commands/run-query.js';
import type { HeadgateError } from '../../src/errors.js';
import { event, Fixture } from '../stores/warehouse/fixture.js';

describe('headgate query', function () {
  this.timeout(20_000);
  let fixture: Fixture;

  before(async () => {
    fixture = new Fixture();
    await fixture.put(1, [event('a'), event('b', { subject: '\u001b[2J\u202egnp.\u0000' })]);
  });
  after(() => fixture.close());

  async function output(sql: string, json = false): Promise<string> {
    const printed = new PassThrough();
    const format = json ? 'json' : 'table';
    await runQuery({ root: fixture.root, tenant: 'UA', sql, format, stdout: printed });
    printed.end();
    return text(printed);
  }

  it('prints a table with its columns and the number of rows', async () => {
    const lines = (await output('SELECT id, data, NULL AS nothing FROM events ORDER BY id LIMIT 1')).split(
      '\n',
    );
    assert.match(lines[1] ?? '', /│ id +│ data +│ nothing │/);
    assert.match(lines[3] ?? '', /│ a +│ {"n":1} │ +│/);
    assert.deepEqual(lines.slice(-2), ['1 row', '']);
  });

  it('says when there are more rows than it shows', async () => {
    assert.match(await output('FROM range(1001)'), /\n1,000 rows shown, there are more/);
    assert.match(await output('FROM range(1000)'), /\n1,000 rows\n$/);
  });

  it('prints all rows as one array of objects with --json', async () => {
    const all = JSON.parse(await output('SELECT range AS n FROM range(12345)', true)) as unknown[];
    assert.deepEqual([all.length, all.at(-1)], [12_345, { n: 12_344 }]);
    const typed = await output(`SELECT id, time, data FROM events WHERE id = 'a'`, true);
    assert.deepEqual(JSON.parse(typed), [{ id: 'a', time: '2024-03-10T12:00:00.000Z', data: { n: 1 } }]);
    assert.deepEqual(JSON.parse(await output('SELECT 1 WHERE false', true)), []);
  });

  it('lets no control character of an event reach the terminal', async () => {
    const text = await output(`SELECT subject FROM events WHERE id = 'b'`);
    assert.doesNotMatch(text, /[^\P{Cc}\n]|\u202e/u);
    assert.match(text, /\\u001b\[2J\\u202egnp\.\\u0000/);
  });

  it('keeps each row on one line, and cuts long values', async () => {
    const text = await output(`SELECT E'two\\nlines' AS a, repeat('x', 5000) AS b`);
    assert.match(text, /│ two\\nlines │ x{199}… │/);
    assert.equal(JSON.parse(await output(`SELECT repeat('x', 5000) AS b`, true))[0].b.length, 5000);
  });

  it('shows a plan as it is drawn', async () => {
    const plan = await output('EXPLAIN SELECT count(*) FROM events');
    assert.match(plan, /^┌─+┐\n│ +[A-Z_]+ +│\n/);
  });

  it('refuses what is no read', async () => {
    await assert.rejects(
      output(`COPY events TO 'x'`),
      (error: HeadgateError) => error.name === 'HeadgateError' && error.code === 'QUERY_REFUSED',
    );
  });

  describe('on the command line', () => {
    it('explains itself with examples', () => {
      let help = '';
      const command = queryCommand().configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      assert.match(help, /Usage: query \[options\] <tenant> \[sql\]/);
      assert.match(help, /--json/);
      assert.match(help, /\$ headgate query UA "SELECT/);
    });

    it('has examples that run', async () => {
      let help = '';
      queryCommand()
        .configureOutput({ writeOut: (text) => (help += text) })
        .outputHelp();
      const examples = [...help.matchAll(/headgate query UA "([^"]+)"/g)].map((match) => match[1] ?? '');
      assert.ok(examples.length >= 4);
      for (const sql of examples) await output(sql);
    });

    it('reads the warehouse of the data directory', async () => {
      const before = process.env['HEADGATE_DATA_DIR'];
      const write = process.stdout.write;
      let written = '';
      process.env['HEADGATE_DATA_DIR'] = join(fixture.root, '..');
      process.stdout.write = (text: string | Uint8Array) => Boolean((written += String(text)));
      try {
        await queryCommand().parseAsync(['UA', 'SELECT count(*) AS n FROM events', '--json'], {
          from: 'user',
        });
      } finally {
        process.stdout.write = write;
        if (before === undefined) delete process.env['HEADGATE_DATA_DIR'];
        else process.env['HEADGATE_DATA_DIR'] = before;
      }
      assert.deepEqual(JSON.parse(written), [{ n: 2 }]);
    });
  });
});

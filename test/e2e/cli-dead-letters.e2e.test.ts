import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDeadLetters } from '../../src/dead-letters/dead-letters.js';
import { ALL_SCOPES, startTestApi, type TestApi } from '../support/api.js';
import { deadLetterEvents, type DeadLettered } from '../support/dead-letters.js';
import { killAll, runHeadgate, type Finished } from '../support/headgate.js';
import { startPipeline, type Pipeline } from '../support/pipeline.js';
import { testNamespace } from '../support/temporal.js';
import { until } from '../support/until.js';

describe('headgate dead-letters', function () {
  this.timeout(60_000);
  const tenant = 'dead-cli';
  let dir: string;
  let pipeline: Pipeline;
  let api: TestApi;
  let env: Record<string, string>;
  let crm: DeadLettered;
  let loop: DeadLettered;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-dead-'));
    const push = { name: 'crm', kind: 'push', url: 'https://crm.example/hooks' };
    pipeline = await startPipeline({ [tenant]: { subscriptions: [push], routes: [] } });
    pipeline.replaced.pushPass = ({ pending }) =>
      Promise.resolve({ delivered: pending[0]?.count ?? 0, failed: 0, pending: [], dead: [] });
    const { client, stores } = pipeline;
    const deadLetters = createDeadLetters({
      client,
      namespace: testNamespace(),
      batchStore: stores.batchStore,
      deliveryLog: stores.deliveryLog,
      isolationOf: () => 'pooled',
    });
    api = await startTestApi({ tenants: { [tenant]: 'active' }, deadLetters });
    const token = await api.token({ tenant, scope: ALL_SCOPES, subject: 'ops@example.com' });
    env = { HEADGATE_DATA_DIR: dir, HEADGATE_TOKEN: token };
    crm = await deadLetterEvents(pipeline, tenant, { events: 3, detail: 'HTTP 500 \u001b[31mred' });
    loop = await deadLetterEvents(pipeline, tenant, { reason: 'loop', type: 'booking.made' });
    await until(async () => assert.match((await run('list')).stdout, /loop\.10/), 10_000);
  });
  after(async () => {
    await killAll();
    await api?.close();
    await pipeline?.stop();
    await rm(dir, { recursive: true, force: true });
    assert.deepEqual(api.faults, []);
  });

  const run = (...args: string[]): Promise<Finished> => {
    const [verb = '', ...rest] = args;
    return runHeadgate(['dead-letters', verb, '--tenant', tenant, '--url', api.url, ...rest], env);
  };

  it('lists them as a table, and what others wrote in them does not command the terminal', async () => {
    const { code, stdout } = await run('list', '--subscription', 'crm');
    assert.equal(code, 0);
    assert.ok(stdout.includes(crm.id) && stdout.includes(loop.id) && stdout.includes('\\u001b[31m'), stdout);
    assert.ok(!stdout.includes('\u001b'));
    const { stdout: json } = await run('list', '--code', 'loop', '--json');
    const { deadLetters } = JSON.parse(json) as { deadLetters: { id: string }[] };
    assert.deepEqual(
      deadLetters.map(({ id }) => id),
      [loop.id],
    );
    assert.match((await run('list', '--type', 'other.*')).stdout, /There are no dead letters like this/);
  });

  it('shows one by its id, or by its workflow id', async () => {
    for (const id of [crm.id, crm.workflowId]) {
      const { stdout } = await run('show', id);
      for (const part of ['dead-letter', crm.workflowId, ...crm.eventIds, 'flight.arrived'])
        assert.ok(stdout.includes(part), `${part} is missing in\n${stdout}`);
    }
    const { code, stderr } = await run('show', 'crm~none');
    assert.equal(code, 1);
    assert.match(stderr, /No dead letter has this id\. \(NOT_FOUND\)/);
  });

  it('exports them, to a file too', async () => {
    const file = join(dir, 'dead.ndjson');
    assert.equal((await run('export', '--output', file)).code, 0);
    const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
    const ids = lines.map((line) => (JSON.parse(line) as { event: { id: string } }).event.id);
    assert.deepEqual(ids.sort(), [...crm.eventIds, ...loop.eventIds].sort());
    assert.equal((await run('export', '--type', 'booking.made')).stdout.split('\n').length, 2);
  });

  it('acts on nothing in particular only where it is told to', async () => {
    const { code, stderr } = await run('redrive');
    assert.equal(code, 1);
    assert.match(stderr, /--all of the tenant/);
    const unexplained = await run('discard', '--all');
    assert.equal(unexplained.code, 1);
    assert.match(unexplained.stderr, /required option '--reason/);
  });

  it('redrives those that match and says how far it is; discards one with a reason', async () => {
    const { code, stdout, stderr } = await run(
      'redrive',
      '--code',
      'attempts-exhausted',
      '--reason',
      'fixed',
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'completed: 1 of 1 dead letters, 3 of 3 events\n');
    const [, id = ''] = /redrive ([0-9a-f-]{36}): it goes on/.exec(stderr) ?? [];
    assert.equal((await run('progress', id)).stdout, stdout);
    assert.equal((await run('cancel', id)).stdout, stdout);
    const discarded = await run('discard', loop.id, '--reason', 'a test');
    assert.equal(discarded.stdout, `${loop.id} is discarded\n`);
    const { stdout: shown } = await run('show', loop.id);
    assert.match(shown, /status +discarded\nby +ops@example\.com: a test\n/);
    const again = await run('redrive', loop.id);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is discarded already by ops@example\.com\. \(DEAD_LETTER_RESOLVED\)/);
  });
});

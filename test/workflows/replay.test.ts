import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DeterminismViolationError } from '@temporalio/workflow';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { historyFromJson } from '../support/history-json.js';
import { TRACE_HEADER } from '../../src/workflows/messages/traces.js';
import { workflowCode } from '../support/pipeline.js';

const HISTORIES = fileURLToPath(new URL('../histories/', import.meta.url));
const CHANGED = fileURLToPath(new URL('changed.fixture.ts', import.meta.url));

const names = readdirSync(HISTORIES).filter((name) => name.endsWith('.json'));

interface RecordedHistory {
  readonly events: [{ readonly workflowExecutionStartedEventAttributes: { header?: object } }];
}

const asRecorded = (history: RecordedHistory): RecordedHistory => history;

/** As if its workflow had been started from within a span. */
function traced({ events: [started, ...rest] }: RecordedHistory): RecordedHistory {
  const context = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const payload = { metadata: { encoding: base64('json/plain') }, data: base64(JSON.stringify(context)) };
  const header = { fields: { [TRACE_HEADER]: payload } };
  const attributes = { ...started.workflowExecutionStartedEventAttributes, header };
  return { events: [{ ...started, workflowExecutionStartedEventAttributes: attributes }, ...rest] };
}

const recorded = (as: (history: RecordedHistory) => RecordedHistory) =>
  names.map((name) => ({
    workflowId: name,
    history: historyFromJson(as(JSON.parse(readFileSync(HISTORIES + name, 'utf8')) as RecordedHistory)),
  }));

/** Replays every recorded history; `<file>` → the error, or undefined where it went as recorded. */
async function replay(code: string, as = asRecorded): Promise<Map<string, Error | undefined>> {
  const results = Worker.runReplayHistories({ workflowBundle: { code } }, recorded(as));
  const errors = new Map<string, Error | undefined>();
  for await (const { workflowId, error } of results) errors.set(workflowId, error);
  return errors;
}

describe('the recorded histories', function () {
  this.timeout(30_000);

  it('are there for the main paths of every workflow', () => {
    const ingest = ['fast-lane', 'slow-lane', 'slow-lane-retried', 'without-decisions'];
    const load = ['one-load', 'several-streams', 'two-loads', 'full', 'large-loads', 'load-retried'];
    const paths = [
      ...ingest.map((path) => `ingest-batch-${path}`),
      ...load.map((path) => `load-window-${path}`),
      ...['pages', 'pages-of-earlier-worker', 'dry-run', 'decide-retried', 'apply-current'].map(
        (path) => `replay-${path}`,
      ),
      ...['waits-for-spool', 'without-spool'].map((path) => `replay-${path}`),
      'deliver-in-two-passes',
      ...['redriven', 'discarded', 'restarted', 'damaged'].map((path) => `dead-letter-${path}`),
      ...['pages', 'cancelled'].map((path) => `resolve-dead-letters-${path}`),
    ];
    for (const path of paths) {
      assert.ok(names.includes(`${path}.json`), path);
    }
  });

  it('replay on the workflows as they are: what has begun goes on after a deployment', async () => {
    const errors = await replay(await workflowCode());
    assert.deepEqual(errors, new Map(names.map((name) => [name, undefined])));
  });

  it('replay with a trace as without: traces may be switched on or off while workflows run', async () => {
    const errors = await replay(await workflowCode(), traced);
    assert.deepEqual(errors, new Map(names.map((name) => [name, undefined])));
  });

  it('do not replay on workflows that do otherwise', async () => {
    const { code } = await bundleWorkflowCode({ workflowsPath: CHANGED, logger: new DefaultLogger('ERROR') });
    const errors = await replay(code);
    assert.deepEqual([...errors.keys()].sort(), [...names].sort());
    for (const [name, error] of errors) assert.ok(error instanceof DeterminismViolationError, name);
  });

  it('say nothing of the machine that recorded them', () => {
    for (const name of names) {
      const text = readFileSync(HISTORIES + name, 'utf8');
      const identities = [...text.matchAll(/"identity": "([^"]*)"/g)].map(([, identity]) => identity);
      assert.deepEqual([...new Set(identities)], ['headgate'], name);
      assert.ok(!text.includes('stackTrace'), name);
    }
  });
});

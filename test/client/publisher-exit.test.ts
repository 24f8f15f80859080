import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { accept, problem, ScriptedServer } from '../support/scripted-server.js';

const FORGETFUL = fileURLToPath(new URL('forgetful.fixture.ts', import.meta.url));

describe('a process that has forgotten to close its publisher', function () {
  this.timeout(60_000);
  let server: ScriptedServer;

  beforeEach(async () => {
    server = new ScriptedServer();
    await server.listen();
  });
  afterEach(() => server.close());

  /** Fails where the process does not end by itself, or with another code than 0; what it writes to stderr. */
  async function run(...args: (string | number)[]): Promise<string> {
    const all = ['--import=tsx', FORGETFUL, server.url, ...args.map(String)];
    return (await promisify(execFile)(process.execPath, all, { timeout: 50_000 })).stderr;
  }

  const ids = (): string[] =>
    server.requests.flatMap(({ lines }) => lines.map((line) => (JSON.parse(line) as { id: string }).id));

  it('sends what waits before it ends', async () => {
    assert.equal(await run(3, 30_000), '');
    assert.deepEqual(ids(), ['e0', 'e1', 'e2']);
  });

  it('sends it again as long as it may', async () => {
    server.script = [problem(503), accept];
    assert.equal(await run(1, 30_000), '');
    assert.deepEqual(ids(), ['e0', 'e0']);
  });

  it('ends though nobody takes it, and says what is lost', async () => {
    server.script = [problem(429, { 'retry-after': '3600' })];
    assert.match(await run(2, 1_000), /HeadgateWarning: 2 events may not be published. There was no answer/);
  });

  it('ends at once where nothing waits, however many publishers it has', async () => {
    assert.equal(await run(0, 600_000, 'crowd'), '');
    assert.deepEqual(ids(), []);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ReplayView } from '../../src/commands/replay-client.js';
import { NO_COUNTS, type ReplayReport } from '../../src/workflows/messages/replays.js';
import { inSpool, incompleteNotes, spoolAway } from '../../src/workflows/messages/unbatched-events.js';
import { runHeadgate } from '../support/headgate.js';
import { useTempDir } from '../support/temp-dir.js';

const FROM = '2026-03-01T10:00:00.000Z';
const LEFT = [inSpool('0123abcd', { events: 50, oldestReceipt: FROM }), spoolAway('ffffffff')];

/** Fifteen minutes of waiting are too long for a test: this API says what one says after them. */
describe('headgate replay, of a replay that has gone without acknowledged events', () => {
  const dir = useTempDir();
  let server: Server;
  let looks: number;
  const summary = {
    id: '20260301t100000-0123abcd',
    status: 'running',
    dryRun: false,
    task: { kind: 'deliver' },
    range: { from: FROM, to: FROM, by: 'receipt' },
    version: '0123456789ab',
    eventsPerSecond: 5_000,
    requestedAt: FROM,
    workflowId: 'replay/UA/x',
  } as const;
  const report: ReplayReport = {
    ...NO_COUNTS,
    events: 950,
    dryRun: false,
    seconds: 900,
    unbatched: LEFT,
    notes: incompleteNotes(LEFT),
  };

  beforeEach(async () => {
    looks = 0;
    server = createServer((request, response) => {
      const isShown = request.url?.endsWith(summary.id) === true;
      const waits = { ...summary, progress: { ...NO_COUNTS, phase: 'batching', waitsFor: LEFT } };
      const view = looks < 6 ? waits : { ...summary, status: 'completed', report };
      if (isShown) looks++;
      // As of one that starts again.
      if (isShown && looks === 2) return void request.socket.destroy();
      if (isShown && looks === 3) response.statusCode = 503;
      const list = { replays: [], reach: { retentionMs: 1_000, keptSince: FROM } };
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify(isShown ? (view as ReplayView) : request.method === 'POST' ? summary : list),
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => void server.close());

  it('says what it waits for, what is missing, and ends with 1', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = { HEADGATE_DATA_DIR: dir(), HEADGATE_TOKEN: 'x' };
    const { code, stdout, stderr } = await runHeadgate(['replay', '--tenant', 'UA', '--url', url], env);
    assert.equal(code, 1);
    assert.equal(stderr.match(/Asking again/g)?.length, 1, stderr);
    assert.match(
      stderr,
      /^waiting: 50 acknowledged events, .* of node 0123abcd .*; the API of node ffffffff has/m,
    );
    assert.match(
      stdout,
      /^Note: This replay is incomplete\. 50 acknowledged events, the oldest received at 2026/m,
    );
    assert.match(stdout, /^Note: This replay may be incomplete\. The API of node ffffffff has not answered/m);
  });
});

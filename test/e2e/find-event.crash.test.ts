import assert from 'node:assert/strict';
import { mkdtemp, rm, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStories } from '../../src/event-history/event-history.js';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, runHeadgate, spawnHeadgate } from '../support/headgate.js';
import { until } from '../support/until.js';

describe('an event that a killed node has not indexed', function () {
  this.timeout(120_000);
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-find-'));
    await mkdir(join(dir, 'tenants'));
    for (const tenant of ['acme', 'other'])
      await writeFile(join(dir, 'tenants', `${tenant}.yaml`), JSON.stringify({ tenant }));
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  for (const point of ['batch-file.before', 'batch-file.after', 'workflow-start.before'])
    it(`is found after a kill at ${point}, by its own tenant alone`, async () => {
      const id = `killed at ${point}`;
      const env = await nodeEnvironment(dir);
      const tokenOf = (tenant: string) =>
        signToken(dir, {
          tenant,
          scope: 'events:write events:read',
          issuer: 'headgate',
          audience: 'headgate',
          expiresInSeconds: 600,
        });
      const first = spawnHeadgate(['start'], { ...env, HEADGATE_FAULT: point });
      const { url } = await first.ready();
      const event = { specversion: '1.0', id, source: '/shop', type: 'order.paid', subject: 'c-7' };
      const sent = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await tokenOf('acme')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(event),
      });
      assert.equal(sent.status, 202);
      await first.finished;

      const second = spawnHeadgate(['start'], env);
      const { url: again } = await second.ready();
      const ask = async (tenant: string) => {
        const response = await fetch(`${again}/v1/events/${encodeURIComponent(id)}`, {
          headers: { authorization: `Bearer ${await tokenOf(tenant)}` },
        });
        return { status: response.status, body: (await response.json()) as EventStories & { code?: string } };
      };
      const now = await ask('acme');
      assert.equal(now.status, 200, 'it is never missing in between');
      const story = await until(async () => {
        const { body } = await ask('acme');
        assert.equal(body.events[0]?.workflow?.status, 'completed');
        return body;
      }, 30_000);
      assert.deepEqual(
        story.events.map(({ state, line }) => [state, line]),
        [['batched', 0]],
      );
      const stranger = await ask('other');
      assert.deepEqual([stranger.status, stranger.body.code], [404, 'EVENT_NOT_FOUND']);
      const cli = await runHeadgate(['event', id, '--tenant', 'acme', '--url', again], {
        ...env,
        HEADGATE_TOKEN: await tokenOf('acme'),
      });
      assert.match(cli.stdout, /state +batched/);
      await killAll();
    });
});

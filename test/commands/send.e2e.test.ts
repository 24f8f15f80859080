import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTestApi, cloudEvent, type TestApi } from '../support/api.js';
import { runHeadgate } from '../support/headgate.js';
import { useTempDir } from '../support/temp-dir.js';

describe('headgate send --acknowledged', () => {
  const dir = useTempDir();
  let api: TestApi;

  beforeEach(async () => {
    api = await startTestApi();
  });
  afterEach(() => api.close());

  it('writes down what was accepted or a duplicate, not what was rejected, for headgate audit --ids', async () => {
    const file = join(dir(), 'events.ndjson');
    const ids = join(dir(), 'ids.ndjson');
    const events = [cloudEvent('a'), { ...cloudEvent('refused'), specversion: '0.3' }, cloudEvent('b')];
    writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await api.post(JSON.stringify(cloudEvent('b')));
    const env = { HEADGATE_DATA_DIR: dir(), HEADGATE_TOKEN: await api.token() };
    const arguments_ = ['--tenant', 'UA', '--stream', 'events', '--url', api.url, '--acknowledged', ids];
    const sent = await runHeadgate(['send', file, ...arguments_], env);
    assert.equal(sent.code, 2, sent.stderr);
    const { code, stdout } = await runHeadgate(['audit', '--ids', ids, '--json'], env);
    assert.equal(code, 1);
    const { tenants } = JSON.parse(stdout) as { tenants: { missing: unknown }[] };
    const missing = ['a', 'b'].map((id) => ({ stream: 'events', source: '/test', id }));
    assert.deepEqual(tenants[0]?.missing, { count: 2, first: missing });
  });
});

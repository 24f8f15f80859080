import assert from 'node:assert/strict';
import { Turns } from '../../src/platform/event-loop-turns.js';
import { cloudEvent, startTestApi, type TestApi } from '../support/api.js';

describe('a request whose events have come and are not in the spool yet', () => {
  let api: TestApi;
  afterEach(() => api.close());

  async function noted(turns: Turns | undefined): Promise<string[]> {
    api = await startTestApi({ turns });
    const { arrivals } = api.ingress.ingest;
    const tenants: string[] = [];
    const add = arrivals.add.bind(arrivals);
    arrivals.add = (tenant, taking) => {
      tenants.push(tenant);
      add(tenant, taking);
    };
    const events = Array.from({ length: 50 }, (_, n) => cloudEvent(`e-${n}`));
    assert.equal((await api.post(JSON.stringify(events))).status, 202);
    return tenants;
  }

  it('is noted, so that a replay waits for it', async () => {
    assert.deepEqual(await noted(new Turns({ shareMs: 0 })), ['UA']);
  });

  it('is none where all of it is done in one turn', async () => {
    assert.deepEqual(await noted(undefined), []);
  });
});

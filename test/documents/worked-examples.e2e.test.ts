import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/until.js';
import { Walkthrough } from '../support/walkthrough.js';

/** Each document is followed block by block, as it stands, on a node of its own. */
describe('the worked examples', function () {
  this.timeout(120_000);
  let dir: string;
  let reader: Walkthrough;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-reader-'));
    reader = await Walkthrough.start(dir);
  });
  afterEach(async () => {
    await reader.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('of the README can be followed to the rows in the warehouse', async () => {
    await reader.follow('README.md', {
      section: 'A worked example',
      settled: { 'headgate query': /o1 .*ineligible[^]*o2 .*eligible/ },
    });
  });

  it('of the first tutorial can be followed to the receipt of the batch', async () => {
    await reader.follow('docs/tutorial/first-tenant.md', {
      settled: {
        'BATCH=': /"state": ?"loaded"|"load"/,
        'headgate query': /a1 .*ineligible[^]*a2 .*eligible/,
      },
    });
  });

  it('of the second tutorial can be followed to the webhook', async () => {
    await reader.follow('docs/tutorial/first-webhook.md', { settled: { 'subscription list': /hook/ } });
    await until(() => assert.match(reader.printedBy(1), /^order\.paid o3 \S+$/m), 20_000);
  });
});

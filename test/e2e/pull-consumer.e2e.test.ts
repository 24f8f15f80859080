import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { flights, startPulling, type Pulling } from '../support/pulling.js';

const TENANT = 'example-UA';

/** Runs what is in dist. */
describe('examples/pull-consumer', function () {
  this.timeout(60_000);
  let pulling: Pulling;

  before(async () => {
    pulling = await startPulling({ [TENANT]: [{ name: 'crm', kind: 'pull' }] });
  });
  after(() => pulling.stop());

  it('handles events as it is written, and ends when it is told to', async () => {
    const delivery = await pulling.deliver(TENANT, 'crm', flights('x', 3));
    const token = await pulling.api.token({ tenant: TENANT, scope: 'subscriptions:pull:crm' });
    const example = fileURLToPath(new URL('../../examples/pull-consumer/consumer.mjs', import.meta.url));
    const consumer = spawn(process.execPath, [example], {
      env: { ...process.env, HEADGATE_URL: pulling.api.url, HEADGATE_TOKEN: token },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    createInterface(consumer.stdout).on('line', (line) => lines.push(line));
    assert.equal((await pulling.resultOf(delivery)).delivered, 3);
    consumer.kill('SIGTERM');
    const [code] = (await once(consumer, 'close')) as [number];
    assert.equal(code, 0);
    assert.deepEqual(
      lines.sort(),
      [0, 1, 2].map((n) => `flight.arrived x-${n} N${n} (attempt 1)`),
    );
  });
});

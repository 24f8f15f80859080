import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { signToken } from '../../src/keys/key-set.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';

const COMMAND = (JSON.parse(process.env.HEADGATE_TEST_SDKS ?? '{}') as Record<string, string[]>)[
  'openapi-python'
];
const TENANT = 'acme';

/** openapi-python-client reads no NDJSON: of these operations it leaves that form out, and says so. */
const NDJSON = ['POST /v1/events', 'POST /v1/user-properties', 'GET /v1/dead-letters/export'];

describe('a Python client made from the OpenAPI document', function () {
  this.timeout(180_000);
  let dir: string;

  before(async function () {
    if (COMMAND === undefined) {
      console.log('      skipped: `node scripts/sdk-clients.mjs openapi-python` has not built it');
      return this.skip();
    }
    dir = await mkdtemp(join(tmpdir(), 'headgate-generated-'));
  });
  after(async () => {
    await killAll();
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  it('is made without a warning but of NDJSON, and publishes, decides, pulls and acknowledges', async () => {
    mkdirSync(join(dir, 'tenants'));
    const tenant = {
      tenant: TENANT,
      aggregates: {
        spent: { on: ['order.paid'], op: 'sum', value: 'event.data.amount', window: '30 days' },
      },
      rules: [{ name: 'free_shipping', on: ['order.paid'], when: 'aggregates.spent >= 65' }],
      subscriptions: [{ name: 'crm', kind: 'pull' }],
      routes: [{ match: { type: 'order.paid' }, to: ['crm'] }],
    };
    writeFileSync(join(dir, 'tenants', `${TENANT}.yaml`), JSON.stringify(tenant));
    const { url } = await spawnHeadgate(['start'], await nodeEnvironment(dir)).ready();
    const scope = 'events:write user-properties:write decisions:read subscriptions:pull';
    const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 600 };
    const token = await signToken(dir, { tenant: TENANT, scope, ...claims });
    const [program, ...args] = COMMAND!;
    const { stdout } = await promisify(execFile)(program!, [...args, url, token, dir]);
    const { said, handled, ...rest } = JSON.parse(stdout) as { said: string; handled: [string][] };
    const warnings = [...said.matchAll(/^WARNING parsing (\S+ \S+)/gm)].map(([, operation]) => operation);
    assert.deepEqual(warnings, NDJSON);
    assert.equal([...said.matchAll(/application\/x-ndjson\)?(,|\n|$)/g)].length >= NDJSON.length, true, said);
    assert.doesNotMatch(said, /Unable to process|Failure to process/);
    assert.deepEqual(rest, {
      known: 1,
      sent: [
        ['e1', 'accepted'],
        ['e2', 'accepted'],
      ],
      again: ['duplicate'],
      refused: ['invalid_attribute'],
      profile: { plan: 'gold' },
      decisions: [['free_shipping', 'eligible', 'e2']],
      unknown: [404, 'NOT_FOUND'],
      acknowledged: ['ok', 'ok'],
    });
    assert.deepEqual(handled.sort(), [
      ['e1', { amount: 60 }, 'web'],
      ['e2', { amount: 7 }, 'web'],
    ]);
  });
});

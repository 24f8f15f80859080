import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchReceipt } from '../../src/receipts/receipts.js';
import { FLIGHTS } from '../support/flights.js';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { rowsInFiles, type TenantExpectation } from '../support/parquet.js';
import { sendTenant, tokenFor, weeksOf } from '../support/producer.js';
import { until } from '../support/until.js';

/** Ids that would leave their place if they were put into a path or a workflow id as they are. */
const CLIMBING = [
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e%2f%2e%2e%2fB6',
  '..%5c..%5cB6',
  'UA%00',
  '%ff%fe',
  '%',
  'x'.repeat(5_000),
];

interface Eligibility {
  readonly subject: string;
  readonly profile: Record<string, unknown>;
  readonly decisions: readonly { rule: string; outcome: string; reason: string }[];
}

describe('the API of a running Headgate', function () {
  this.timeout(60_000);
  let dir: string;
  let url: string;
  let week: TenantExpectation;
  let batchId: string;
  const tokens: Record<string, string> = {};

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'headgate-http-'));
    const node = spawnHeadgate(['start', '--tenants', join(FLIGHTS, 'tenants')], await nodeEnvironment(dir));
    ({ url } = await node.ready());
    week = weeksOf(['UA'], 300).get('UA')!;
    await sendTenant('UA', week, { url, dataDir: dir, requestEvents: 300 });
    for (const tenant of ['UA', 'B6'])
      tokens[tenant] = await tokenFor(dir, tenant, 'batches:read decisions:read');
    tokens.writer = await tokenFor(dir, 'UA', 'events:write');
    // Decided and loaded, so that there is all to say of it.
    batchId = await until(async () => {
      const rows = await rowsInFiles(join(dir, 'warehouse'), 'UA', 'decisions', 'batch_id');
      assert.equal(rows.length, week.decisions.size);
      return String(rows[0]?.[0]);
    }, 20_000);
  });
  after(async () => {
    await killAll();
    await rm(dir, { recursive: true, force: true });
  });

  async function get<T>(path: string, tenant: string): Promise<[number, T & { code?: string }]> {
    const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${tokens[tenant]}` } });
    return [response.status, (await response.json()) as T & { code?: string }];
  }

  /** Sends a path as it is: fetch would tidy it first. */
  function getRaw(path: string): Promise<[number, string]> {
    const { hostname, port } = new URL(url);
    const headers = { authorization: `Bearer ${tokens.UA}` };
    return new Promise((resolve, reject) => {
      const asked = request({ hostname, port, path, headers }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => (body += text));
        answer.on('end', () => resolve([answer.statusCode ?? 0, body]));
      });
      asked.on('error', reject).end();
    });
  }

  it('shows a batch from its workflow to the load file that holds it and its decisions', async () => {
    const receipt = await until(async () => {
      const [status, found] = await get<BatchReceipt>(`/v1/batches/${batchId}`, 'UA');
      assert.equal(status, 200);
      assert.equal(found.load?.loads.length, 2);
      return found;
    }, 15_000);
    assert.deepEqual([receipt.tenant, receipt.stream, receipt.batchId], ['UA', 'events', batchId]);
    assert.equal(receipt.workflow.workflowId, `batch/UA/events/${batchId}`);
    assert.equal(receipt.workflow.status, 'completed');
    assert.match(receipt.workflow.url ?? '', /^http:\/\/127\.0\.0\.1:\d+\/namespaces\/test-\d+\/workflows\//);
    const page = await fetch(receipt.workflow.url ?? '');
    assert.equal(page.status, 200);
    assert.match(receipt.load?.workflow.workflowId ?? '', /^load\/UA\/\d/);
    assert.deepEqual(receipt.load?.loads.map(({ stream }) => stream).sort(), ['decisions', 'events']);
    for (const { alreadyHeld, file } of receipt.load?.loads ?? []) {
      assert.equal(alreadyHeld, false);
      assert.ok(existsSync(join(dir, 'warehouse', 'UA', file ?? 'none')), file);
    }
    const inBatch = `batch_id = '${batchId}'`;
    const rows = await rowsInFiles(join(dir, 'warehouse'), 'UA', 'decisions', `outcome, ${inBatch}`);
    const ofBatch = rows.filter(([, inside]) => inside === true).map(([outcome]) => outcome);
    assert.equal(receipt.decisions?.evaluated, ofBatch.length);
    const eligible = Object.values(receipt.decisions?.eligible ?? {}).reduce((sum, count) => sum + count, 0);
    assert.equal(eligible, ofBatch.filter((outcome) => outcome === 'eligible').length);
  });

  it('tells what has been decided about a subject, and its properties', async () => {
    const subject = week.events.find(({ type }) => type === 'flight.arrived')!.subject;
    const [status, found] = await get<Eligibility>(`/v1/eligibility/${subject}`, 'UA');
    assert.equal(status, 200);
    assert.equal(found.subject, subject);
    const last = week.events
      .filter((event) => event.subject === subject && event.type === 'flight.arrived')
      .at(-1)!;
    for (const rule of ['compensation', 'large_aircraft_late']) {
      const decision = found.decisions.find((each) => each.rule === rule);
      assert.equal(decision?.outcome, week.decisions.get(`${last.id} ${rule}`));
      assert.match(decision?.reason ?? '', /event\.data\.delay_minutes = /);
    }
    const registered = week.properties.find((each) => each.subject === subject);
    if (registered !== undefined) assert.deepEqual(found.profile, registered.data);
  });

  it('tells nothing of it to another tenant, nor to a token without the scope', async () => {
    const { subject } = week.events[0]!;
    for (const path of [`/v1/batches/${batchId}`, `/v1/eligibility/${subject}`]) {
      const [status, body] = await get<{ detail?: string }>(path, 'B6');
      const [none, bodyOfNone] = await get<{ detail?: string }>(path.replace(/.{5}$/, 'zzzzz'), 'B6');
      // What is another's looks like what is not there.
      assert.deepEqual([status, body], [none, bodyOfNone]);
      assert.equal(status, 404);
      assert.doesNotMatch(JSON.stringify(body), /UA/);
      const [forbidden, { code }] = await get(path, 'writer');
      assert.deepEqual([forbidden, code], [403, 'SCOPE_MISSING']);
      assert.equal((await fetch(`${url}${path}`)).status, 401);
    }
  });

  it('finds nothing under ids that try to climb, and goes on answering', async () => {
    for (const id of [...CLIMBING, '../../B6', `..%2fB6%2fevents%2f${batchId}`]) {
      for (const route of ['batches', 'eligibility']) {
        const [status, body] = await getRaw(`/v1/${route}/${id}`);
        assert.ok(status === 404 || status === 400, `${route} ${id.slice(0, 40)}: ${status} ${body}`);
        assert.match(body, /"type":"urn:headgate:problem:/);
        assert.doesNotMatch(body, new RegExp(dir));
      }
    }
    assert.equal((await getRaw('/v1/eligibility/__proto__'))[0], 404);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  it('says that it is alive and ready, to anyone', async () => {
    const health = await fetch(`${url}/healthz`);
    assert.deepEqual([health.status, await health.json()], [200, { status: 'ok' }]);
    const ready = await fetch(`${url}/readyz`);
    const { status, checks } = (await ready.json()) as {
      status: string;
      checks: { name: string; ok: boolean }[];
    };
    assert.deepEqual([ready.status, status], [200, 'ready']);
    assert.deepEqual(
      checks.map(({ name, ok }) => [name, ok]),
      [
        ['door', true],
        ['temporal', true],
        ['spool', true],
        ['workers', true],
      ],
    );
  });
});

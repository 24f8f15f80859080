import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killAll, nodeEnvironment, spawnHeadgate } from '../support/headgate.js';
import { tokenFor } from '../support/producer.js';
import {
  DEPLOY,
  neededTool,
  queriesOf,
  runTool,
  startPrometheus,
  type Dashboard,
  type TestPrometheus,
} from '../support/prometheus.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { until } from '../support/until.js';

const WITHIN_MS = 60_000;
const TENANTS = ['broken', 'well'];

describe('a Prometheus that scrapes a node', function () {
  this.timeout(240_000);
  let dir: string;
  let url: string;
  let receivers: Readonly<Record<string, Receiver>>;
  let prometheus: TestPrometheus;
  let sending: NodeJS.Timeout;
  let sent = 0;

  before(async function () {
    const binary = neededTool(this, 'prometheus');
    dir = await mkdtemp(join(tmpdir(), 'headgate-prometheus-'));
    receivers = { broken: await startReceiver(), well: await startReceiver() };
    await mkdir(join(dir, 'given'));
    for (const tenant of TENANTS) await writeFile(join(dir, 'given', `${tenant}.yaml`), fileOf(tenant));
    const env = { ...(await nodeEnvironment(join(dir, 'data'))), HEADGATE_PUSH_ALLOW: '127.0.0.0/8' };
    const node = spawnHeadgate(['start', '--tenants', join(dir, 'given')], {
      ...env,
      HEADGATE_SECRET_BROKEN__CRM: SECRET,
      HEADGATE_SECRET_WELL__CRM: SECRET,
    });
    ({ url } = await node.ready());
    prometheus = await startPrometheus(binary, join(dir, 'prometheus'), [new URL(url).host]);
    const tokens = await Promise.all(
      TENANTS.map((tenant) => tokenFor(join(dir, 'data'), tenant, 'events:write')),
    );
    sending = setInterval(() => {
      const id = ++sent;
      void Promise.all(tokens.map((token) => send(token, id))).catch(() => undefined);
    }, 500);
  });
  after(async () => {
    clearInterval(sending);
    await prometheus?.stop();
    await killAll();
    await Promise.all(Object.values(receivers ?? {}).map((each) => each.down()));
    if (dir !== undefined) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Every tenth event has no `amount`, which a rule fails on. */
  async function send(token: string, id: number): Promise<void> {
    const data = id % 10 === 0 ? {} : { amount: id };
    const event = { specversion: '1.0', id: `${id}`, source: '/shop', type: 'order', subject: 'a', data };
    await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    });
  }

  const firing = () => prometheus.query('ALERTS{alertstate="firing"}');
  const valueOf = async (expression: string): Promise<number> =>
    Number((await prometheus.query(expression))[0]?.value[1] ?? 0);

  it('gets events of every stage, of each tenant, and batches named by exemplars', async () => {
    for (const tenant of TENANTS)
      for (const stage of ['decided', 'durable', 'accepted', 'started', 'loaded', 'delivered'])
        await until(
          async () =>
            assert.ok(
              (await valueOf(`headgate_stage_events_total{tenant="${tenant}",stage="${stage}"}`)) > 0,
            ),
          WITHIN_MS,
        );
    await until(async () => {
      const path = `query_exemplars?query=headgate_stage_seconds_bucket&start=${Date.now() / 1000 - 300}&end=${Date.now() / 1000}`;
      const found = await prometheus.api<{ exemplars: { labels: Record<string, string> }[] }[]>(path);
      const labels = found.flatMap(({ exemplars }) => exemplars.map((each) => each.labels));
      assert.ok(labels.some(({ tenant, batch }) => tenant === 'well' && /^\d{8}-/.test(batch ?? '')));
    }, WITHIN_MS);
    assert.ok((await valueOf('temporal_request_total')) > 0, "Temporal's SDK");
    assert.equal(await valueOf('min(headgate_ready)'), 1);
  });

  it('gets what promtool finds nothing wrong with', async function () {
    const promtool = neededTool(this, 'promtool');
    const text = await (await fetch(`${url}/metrics`)).text();
    const { code, said } = await runTool(promtool, ['check', 'metrics'], text);
    assert.deepEqual([code, said], [0, '']);
  });

  it('answers every query of the dashboard and of the rules', async () => {
    const file = join(DEPLOY, 'grafana', 'headgate.json');
    const queries = queriesOf(JSON.parse(readFileSync(file, 'utf8')) as Dashboard);
    // What has nothing to show while all is well.
    const without = ['Refused requests', 'Failing: refused', 'Failing: loads', 'Failing: expressions'];
    const more = [
      'Steps tried again',
      'Calls of Temporal',
      'Schema violations',
      'How they stand',
      'Failing for',
    ];
    const rest = ['Failed deliveries', 'Dead letters', 'Workflow tasks wait', 'Mean age at arrival'];
    const shown = queries.filter(({ panel }) => ![...without, ...more, ...rest].includes(panel));
    // A rate needs two scrapes.
    await until(async () => {
      const empty: string[] = [];
      for (const { panel, expr } of shown) if ((await prometheus.query(expr)).length === 0) empty.push(panel);
      assert.deepEqual(empty, []);
    }, WITHIN_MS);
    // None is evaluated before a turn of its group.
    await until(async () => {
      const { groups } = await prometheus.api<{ groups: { rules: { name: string; health: string }[] }[] }>(
        'rules',
      );
      const unwell = groups.flatMap(({ rules }) => rules).filter(({ health }) => health !== 'ok');
      assert.deepEqual(unwell, []);
    }, WITHIN_MS);
  });

  it('raises an alert for the subscription that fails, within a minute, and for no other', async () => {
    receivers.broken!.answer = () => 500;
    const began = Date.now();
    const alerts = await until(async () => {
      const found = await firing();
      assert.ok(found.some(({ metric }) => metric.alertname === 'HeadgateSubscriptionFailing'));
      return found;
    }, WITHIN_MS);
    assert.ok(Date.now() - began < WITHIN_MS);
    const failing = alerts.filter(({ metric }) => metric.alertname === 'HeadgateSubscriptionFailing');
    assert.deepEqual(
      failing.map(({ metric: { tenant, subscription } }) => [tenant, subscription]),
      [['broken', 'crm']],
    );
    const undelivered = 'headgate_subscription_undelivered_events{subscription="crm"}';
    await until(async () => assert.ok((await valueOf(undelivered)) > 0), WITHIN_MS);
  });

  it('raises an alert for the expression that fails', async () => {
    await until(async () => {
      const found = (await firing()).filter(({ metric }) => metric.alertname === 'HeadgateExpressionsFail');
      assert.deepEqual(found.map(({ metric: { tenant, name } }) => `${tenant} ${name}`).sort(), [
        'broken large',
        'well large',
      ]);
    }, WITHIN_MS);
  });

  it('raises an alert when the node does not answer any more', async () => {
    clearInterval(sending);
    await killAll();
    await until(async () => {
      const found = (await firing()).map(({ metric }) => metric.alertname);
      assert.ok(found.includes('HeadgateNotScraped'), found.join());
    }, WITHIN_MS);
  });

  function fileOf(tenant: string): string {
    return JSON.stringify({
      tenant,
      rules: [{ name: 'large', on: ['order'], when: 'event.data.amount > 5' }],
      subscriptions: [
        {
          name: 'crm',
          kind: 'push',
          url: receivers[tenant]!.url,
          secret: `env:HEADGATE_SECRET_${tenant.toUpperCase()}__CRM`,
        },
      ],
      routes: [{ match: {}, to: ['crm'] }],
      warehouse: { window: '1s' },
    });
  }
});

const SECRET = `whsec_${Buffer.from('a secret of at least twenty-four bytes').toString('base64')}`;

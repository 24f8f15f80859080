import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { textOf } from '../support/documents.js';
import { DEPLOY, neededTool, queriesOf, RULES, runTool, type Dashboard } from '../support/prometheus.js';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const PROMETHEUS = join(DEPLOY, 'prometheus');
const DASHBOARD = join(DEPLOY, 'grafana', 'headgate.json');
const RUNBOOK = 'https://github.com/headgate/headgate/blob/main/';

const rules = (): Rule[] =>
  (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  );
const dashboard = (): Dashboard => JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard;

/** Names in an expression that are of Headgate's metrics, without the endings of a histogram's series. */
function metricsIn(expr: string): string[] {
  const names = expr.match(/(?<![:\w])(headgate|temporal)_[a-z_]+(?![:\w])/g) ?? [];
  return names.map((name) => name.replace(/_bucket$/, ''));
}

describe('the alerts', () => {
  it('each name a page of the runbook that names them: what it means, where to look, how to fix it', () => {
    const alerts = rules().filter(({ alert }) => alert !== undefined);
    assert.ok(alerts.length > 20);
    const index = textOf('docs/runbook/README.md');
    for (const { alert, annotations = {} } of alerts) {
      const { runbook_url: url = '', summary = '', description = '' } = annotations;
      assert.ok(url.startsWith(RUNBOOK), alert);
      const page = textOf(url.slice(RUNBOOK.length));
      assert.match(page, new RegExp(`\`${alert}\``), `${url} names ${alert}`);
      assert.match(
        index,
        new RegExp(`\`${alert}\`.*\\(${url.split('/').at(-1)}\\)`),
        `${alert} in the index`,
      );
      const places = [/\*\*It means/i, /\*\*Look/i, /\*\*Fix/i].map((part) => page.search(part));
      assert.ok(
        places.every((place, at) => place > (places[at - 1] ?? -1)),
        `${url}: ${places}`,
      );
      assert.ok(summary !== '' && description !== '', alert);
    }
  });

  it('and the dashboard ask for metrics that there are', () => {
    const known = new Set(textOf('docs/reference/metrics.md').match(/(?<=^## `)[a-z_]+/gm));
    const asked = [...rules().map(({ expr }) => expr), ...queriesOf(dashboard()).map(({ expr }) => expr)];
    const names = new Set(asked.flatMap(metricsIn));
    // Names of histograms' sums and counts.
    const missing = [...names].filter(
      (name) => !known.has(name) && !known.has(name.replace(/_(sum|count)$/, '')),
    );
    assert.ok(names.size > 40, `${names.size}`);
    assert.deepEqual(missing, []);
  });

  it('are what promtool takes, with the example of a configuration', async function () {
    const promtool = neededTool(this, 'promtool');
    for (const args of [
      ['check', 'rules', RULES],
      ['check', 'config', join(PROMETHEUS, 'prometheus.yml')],
    ]) {
      const { code, said } = await runTool(promtool, args);
      assert.equal(code, 0, said);
    }
  });

  it('fire within a minute, for whom they are about and nobody else', async function () {
    this.timeout(60_000);
    const promtool = neededTool(this, 'promtool');
    const tests = join(PROMETHEUS, 'headgate-rules.test.yml');
    const { code, said } = await runTool(promtool, ['test', 'rules', tests]);
    assert.equal(code, 0, said);
    const tested = readFileSync(tests, 'utf8');
    const untested = rules().filter(({ alert = '' }) => !tested.includes(`"${alert}"`) && alert !== '');
    assert.deepEqual(
      untested.map(({ alert }) => alert),
      [],
    );
  });
});

describe('the dashboard', () => {
  it('says what each panel shows, in which unit, of the jobs and instances that are chosen', () => {
    const { editable, templating, panels } = dashboard();
    assert.equal(editable, false);
    const variables = ['datasource', 'job', 'instance', 'tenant', 'subscription'];
    assert.deepEqual(
      templating.list.map(({ name }) => name),
      variables,
    );
    const taken = new Set<string>();
    for (const { type, title, description, datasource, fieldConfig, gridPos, targets = [] } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        assert.ok(!taken.has(`${x}/${gridPos.y}`), `${title} lies on another`);
        taken.add(`${x}/${gridPos.y}`);
      }
      if (type === 'row') continue;
      assert.ok((description ?? '') !== '' && (fieldConfig?.defaults.unit ?? '') !== '', title);
      assert.equal(datasource?.uid, '$datasource', title);
      assert.ok(targets.length > 0, title);
      for (const { expr } of targets) {
        assert.match(expr, /job=~"\$job",instance=~"\$instance"/, title);
        assert.doesNotMatch(expr, /\[\d+[smh]\]/, `${title}: a range that Grafana does not choose`);
      }
    }
  });

  it("is what Grafana's linter takes", async function () {
    this.timeout(60_000);
    const linter = neededTool(this, 'dashboard-linter');
    const config = join(DEPLOY, 'grafana', 'headgate.lint');
    const { code, said } = await runTool(linter, ['lint', '--strict', '--config', config, DASHBOARD]);
    assert.equal(code, 0, said);
  });
});

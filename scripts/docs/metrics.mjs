/** docs/reference/metrics.md: every metric of Headgate's own, as the registry has it. */
import { Registry } from 'prom-client';
import { createGauges } from '../../src/observability/metric-gauges.ts';
import { createInstruments } from '../../src/observability/metric-instruments.ts';
import { createSdkMetrics } from '../../src/observability/sdk-metrics.ts';
import { createStageInstruments } from '../../src/observability/stage-instruments.ts';
import { TenantLabels } from '../../src/observability/tenant-labels.ts';
import { METRIC_LABELS, METRIC_NOTES } from '../../src/reference/metrics.ts';
import { anchorOf, code, item, prose, title } from './markdown.mjs';

const INTRODUCTION = `\`GET /metrics\` gives them in the text format of Prometheus, or of OpenMetrics where \`Accept\` prefers it.
[Watch with Prometheus](../how-to/watch-with-prometheus.md) has the alerts and the dashboard.
It needs no token and names tenants: do not let your balancer pass it on.
The API serves it at its own port, and \`headgate worker\` at [\`HEADGATE_METRICS_PORT\`](configuration.md#headgate_metrics_port).
Beside these there are \`process_*\` and \`nodejs_*\`, about the process, as [prom-client](https://github.com/siimon/prom-client#default-metrics) has them.
\`temporal_*\` is what Temporal's SDK measures in the process.
A counter counts since its process started.`;

const UNITS = [
  ['activities_per_second', 'activities per second'],
  ['seconds', 'seconds'],
  ['bytes', 'bytes'],
  ['rows', 'rows'],
  ['events', 'events'],
  ['files', 'files'],
  ['batches', 'batches'],
  ['requests', 'requests'],
  ['jobs', 'load jobs'],
  ['clashes', 'values'],
];

/** The page's text. */
export async function page() {
  const metrics = allMetrics();
  const labels = [...new Set(metrics.flatMap(({ labelNames }) => labelNames))].sort();
  assertSame('labels', labels, Object.keys(METRIC_LABELS));
  const unknown = Object.keys(METRIC_NOTES).filter((name) => !metrics.some((each) => each.name === name));
  assertSame('notes', unknown, []);
  return [
    title('Metrics', 'src/observability/, src/reference/metrics.ts'),
    prose(INTRODUCTION.replaceAll('\n', ' ')),
    '## Labels',
    labels.map((label) => item(`${code(label)}: ${METRIC_LABELS[label]}`)).join('\n'),
    '## All of them',
    metrics.map(({ name }) => `- [${code(name)}](#${anchorOf(name)})`).join('\n'),
    ...metrics.flatMap(metric),
  ].join('\n\n');
}

const typeOf = ({ constructor }) => constructor.name.toLowerCase();

/** Gauges are made for each value that is given; none of these functions is called. */
function allMetrics() {
  const registry = new Registry();
  createInstruments(registry);
  createStageInstruments(registry, new TenantLabels(0));
  createSdkMetrics(registry);
  const readers = new Proxy({}, { get: () => () => [] });
  createGauges(registry, readers, new TenantLabels(0));
  return registry.getMetricsAsArray().sort((a, b) => (a.name < b.name ? -1 : 1));
}

function assertSame(what, found, described) {
  if (found.join() !== [...described].sort().join())
    throw new Error(`The ${what} of metrics are ${found.join()}, and described are ${described.join()}.`);
}

function metric(each) {
  const { name, help, labelNames, upperBounds } = each;
  const facts = [
    item(`Type: ${typeOf(each)}.`),
    item(`Labels: ${labelNames.length === 0 ? 'none' : labelNames.map(code).join(', ')}.`),
    ...unitOf(name).map((unit) => item(`Unit: ${unit}.`)),
    ...(upperBounds === undefined ? [] : [item(`Buckets up to: ${upperBounds.join(', ')}.`)]),
  ];
  const note = METRIC_NOTES[name] === undefined ? '' : ` ${METRIC_NOTES[name]}`;
  return [`## ${code(name)}`, prose(`${help.replace(/\.?$/, '.')}${note}`), facts.join('\n')];
}

/** The unit that a metric's name ends with, as Prometheus has it; `_total` and `_limit` are none. */
function unitOf(name) {
  const bare = name.replace(/_(total|limit)$/, '');
  return UNITS.filter(([suffix]) => bare.endsWith(`_${suffix}`))
    .map(([, unit]) => unit)
    .slice(0, 1);
}

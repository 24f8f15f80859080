import { join } from 'node:path';
import { loadConfig, type Config } from '../config.js';
import { nextSteps } from '../demo/next-steps.js';
import type { DemoCounts } from '../demo/progress.js';
import { runWeek } from '../demo/run.js';
import { outcomeTable, type TenantOutcome } from '../demo/table.js';
import { readWeek } from '../demo/week.js';
import { HeadgateError } from '../errors.js';
import { startNode, type HeadgateNode } from '../roles/node.js';
import { dataPaths } from '../roles/stores.js';
import { applyTenantFiles } from '../tenants/config/registry.js';
import { assertTemporal } from './assert-temporal.js';
import { EXAMPLES_DIR } from './example-path.js';
import { commandAuthor } from './note-act.js';
import { openLog } from './open-log.js';
import { awaitEnding, type Ending } from './run-node.js';
import { assertDataDirWritable } from './writable.js';
import { print } from './terminal-text.js';

const EXAMPLE = join(EXAMPLES_DIR, 'flights');

/** Sends a week of real flights through a node of its own, checks what has become of it, and stays up, unless told to exit. */
export async function runDemo({ exit }: { readonly exit: boolean }): Promise<void> {
  const config = loadConfig();
  assertTemporal(config, 'demo');
  await assertDataDirWritable(config.dataDir);
  const ending = awaitEnding();
  const say = print;
  const counts: DemoCounts = { sent: 0, acknowledged: 0, duplicates: 0, batched: 0, loaded: 0 };
  const { tenants: dir, tenantVersions: versions } = dataPaths(config.dataDir);
  await applyTenantFiles({ source: join(EXAMPLE, 'tenants'), dir, versions, author: commandAuthor() });
  const node = await startDemoNode(config, ending, counts, say);
  try {
    const { url = '', temporal } = node;
    say(
      `API ${url} · Temporal ${temporal.address} · Temporal UI ${temporal.uiUrl ?? 'unknown'} · data in ${config.dataDir}`,
    );
    const { outcomes, addsUp } = await sendWeek(config, node, counts, ending);
    say(outcomeTable(outcomes));
    say(
      addsUp
        ? 'Everything adds up: nothing lost, nothing twice.'
        : 'Something does not add up; see the last column.',
    );
    if (!addsUp) process.exitCode = 1;
    const largest = outcomes[0]?.week.tenant ?? '';
    say(`\n${await nextSteps(config, url, node.stores.paths.warehouse, largest)}`);
    if (exit) return say('The first and the third need a running Headgate: npx headgate start');
    say('Headgate stays up; Ctrl-C stops it.');
    await ending.stopped;
  } finally {
    await node.stop();
  }
}

async function startDemoNode(
  config: Config,
  ending: Ending,
  counts: DemoCounts,
  say: (text: string) => void,
): Promise<HeadgateNode> {
  return startNode({
    config,
    roles: { api: true, worker: true },
    // The demo speaks for itself; the log is for what goes wrong.
    log: await openLog(config, config.logLevel === 'info' ? 'warn' : config.logLevel),
    onProgress: say,
    onFatal: ending.fail,
    onBatchEnded: (plan) => {
      counts.batched += plan.events;
    },
    onLoaded: ({ stream }, { rows }) => {
      if (stream !== 'decisions') counts.loaded += rows;
    },
  });
}

async function sendWeek(
  config: Config,
  node: HeadgateNode,
  counts: DemoCounts,
  ending: Ending,
): Promise<{ outcomes: TenantOutcome[]; addsUp: boolean }> {
  const abort = new AbortController();
  const { url = '', registry, stores } = node;
  const tenants = new Map(registry.list().map((loaded) => [loaded.config.tenant, loaded]));
  const weeks = await readWeek(EXAMPLE, tenants);
  const run = runWeek({
    config,
    url,
    warehouseRoot: stores.paths.warehouse,
    weeks,
    counts,
    signal: abort.signal,
  });
  const stopped = ending.stopped.then(() =>
    abort.abort(new HeadgateError('SHUTTING_DOWN', 'Stopped before the end; run it again to go on.')),
  );
  const outcomes = await Promise.race([run, stopped.then(() => run)]);
  const addsUp = outcomes.every(
    ({ check, events, properties }) =>
      check.problems.length === 0 && events.rejected + properties.rejected === 0,
  );
  return { outcomes, addsUp };
}

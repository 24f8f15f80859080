import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { loadConfig, type Config } from '../config.js';
import { nextSteps } from '../demo/next-steps.js';
import type { DemoCounts } from '../demo/progress.js';
import { runWeek } from '../demo/run.js';
import { outcomeTable, type TenantOutcome } from '../demo/table.js';
import { readWeek } from '../demo/week.js';
import { HeadgateError } from '../errors.js';
import { createLogger } from '../observability/logger.js';
import { startNode, type HeadgateNode } from '../roles/node.js';
import { dataPaths } from '../roles/stores.js';
import { applyTenantFiles } from '../tenant-config/registry.js';
import { awaitEnding, type Ending } from './run-node.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/flights/', import.meta.url));

/** `headgate demo`: everything, with a week of real flights sent through it. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run everything and send a real week of flights of 15 tenants through it')
    .option('--exit', 'stop after the table; exit code 1 if anything does not add up', false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate demo\n  $ HEADGATE_DATA_DIR=$(mktemp -d) headgate demo --exit',
    )
    .action(async ({ exit }: { exit: boolean }) => {
      const ending = awaitEnding();
      await runDemo(loadConfig(), ending, exit);
    });
}

async function runDemo(config: Config, ending: Ending, exit: boolean): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const counts: DemoCounts = { sent: 0, acknowledged: 0, duplicates: 0, decided: 0, loaded: 0 };
  const { tenants: dir, tenantVersions: versions } = dataPaths(config.dataDir);
  await applyTenantFiles({ source: join(EXAMPLE, 'tenants'), dir, versions });
  const node = await startDemoNode(config, ending, counts, say);
  try {
    const { url = '', temporal } = node;
    say(
      `API ${url} · Temporal ${temporal.address} · Temporal UI ${temporal.uiUrl ?? 'unknown'} · data in ${config.dataDir}`,
    );
    const { outcomes, addsUp } = await sendWeek(config, node, counts, ending);
    say(outcomeTable(outcomes, config.color && process.stdout.isTTY));
    say(
      addsUp
        ? 'Everything adds up: nothing lost, nothing twice.'
        : 'Something does not add up; see the last column.',
    );
    if (!addsUp) process.exitCode = 1;
    const largest = outcomes[0]?.week.tenant ?? '';
    say(`\n${await nextSteps(config, url, node.stores.paths.warehouse, largest)}`);
    if (exit) return;
    say('Headgate stays up; Ctrl-C stops it.');
    await ending.stopped;
  } finally {
    await node.stop();
  }
}

function startDemoNode(
  config: Config,
  ending: Ending,
  counts: DemoCounts,
  say: (text: string) => void,
): Promise<HeadgateNode> {
  return startNode({
    config,
    roles: { api: true, worker: true },
    // The demo speaks for itself; the log is for what goes wrong.
    log: createLogger(config.logLevel === 'info' ? 'warn' : config.logLevel),
    onProgress: say,
    onFatal: ending.fail,
    onBatchEnded: (plan) => {
      counts.decided += plan.events;
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

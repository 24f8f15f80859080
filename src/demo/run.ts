import { setTimeout as delay } from 'node:timers/promises';
import { sendLines, type SendTally } from '@headgate/client';
import type { Config } from '../config.js';
import { HeadgateError } from '../errors.js';
import type { InputStream } from '../events/event.js';
import { signToken } from '../keys/key-set.js';
import { checkTenant, type TenantCheck } from './check.js';
import { showProgress, type DemoCounts } from './progress.js';
import type { TenantOutcome } from './table.js';
import type { TenantWeek } from './week.js';

/** What {@link runWeek} needs. */
export interface RunWeekOptions {
  readonly config: Config;
  readonly url: string;
  readonly warehouseRoot: string;
  readonly weeks: readonly TenantWeek[];
  /** Counted by the node while it works; acknowledged and sent are counted here. */
  readonly counts: DemoCounts;
  readonly signal: AbortSignal;
}

/** Loads that take longer than this after the last decision are a fault. */
const LOADED_WITHIN_MS = 60_000;

/** Sends the register, then the week, all tenants at once, each in order; waits until everything is in batches and loaded; checks it. */
export async function runWeek(options: RunWeekOptions): Promise<TenantOutcome[]> {
  const properties = await sendAll(options, 'user-properties', 'aircraft register');
  const events = await sendAll(options, 'events', 'week of flights');
  const checks = await checkAll(options);
  return options.weeks.map((week, index) => ({
    week,
    properties: properties[index] as SendTally,
    events: events[index] as SendTally,
    check: checks[index] as TenantCheck,
  }));
}

async function sendAll(options: RunWeekOptions, stream: InputStream, title: string): Promise<SendTally[]> {
  const { weeks, counts } = options;
  Object.assign(counts, {
    sent: 0,
    acknowledged: 0,
    duplicates: 0,
    batched: 0,
    loaded: 0,
  } satisfies DemoCounts);
  const total = weeks.reduce((sum, week) => sum + week.lines[stream].length, 0);
  const progress = showProgress(title, total, counts);
  try {
    const tallies = await Promise.all(weeks.map((week) => sendTenant(options, week, stream)));
    const accepted = tallies.reduce((sum, tally) => sum + tally.accepted, 0);
    await until(() => counts.batched >= accepted && counts.loaded >= accepted, options.signal);
    return tallies;
  } finally {
    progress.end();
  }
}

async function sendTenant(
  { config, url, counts, signal }: RunWeekOptions,
  week: TenantWeek,
  stream: InputStream,
): Promise<SendTally> {
  const { tenant } = week;
  const token = await signToken(config.dataDir, {
    tenant,
    scope: `${stream}:write`,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    expiresInSeconds: 3600,
  });
  let before = { lines: 0, duplicate: 0 };
  const lines = counting(week.lines[stream], counts);
  return sendLines({
    url,
    stream,
    token: () => Promise.resolve(token),
    lines,
    requestEvents: 100,
    signal,
    onAnswered: (tally) => {
      counts.acknowledged += tally.lines - before.lines;
      counts.duplicates += tally.duplicate - before.duplicate;
      before = { ...tally };
    },
  });
}

function* counting(lines: readonly string[], counts: DemoCounts): Iterable<string> {
  for (const line of lines) {
    counts.sent++;
    yield line;
  }
}

/** Decisions are loaded by windows of their own, a little after the events; the check is repeated until they are there. */
async function checkAll(options: RunWeekOptions): Promise<TenantCheck[]> {
  const { weeks, warehouseRoot, signal } = options;
  const deadline = Date.now() + LOADED_WITHIN_MS;
  const checks: TenantCheck[] = [];
  for (const week of weeks) {
    let check = await checkTenant(warehouseRoot, week);
    while (check.problems.length > 0 && Date.now() < deadline) {
      await delay(500, undefined, { signal });
      check = await checkTenant(warehouseRoot, week);
    }
    checks.push(check);
  }
  return checks;
}

async function until(done: () => boolean, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + LOADED_WITHIN_MS;
  while (!done()) {
    if (Date.now() > deadline)
      throw new HeadgateError(
        'WAREHOUSE_FAILED',
        'Events that were acknowledged are not in the warehouse after a minute.',
      );
    await delay(50, undefined, { signal });
  }
}

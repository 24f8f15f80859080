import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, type Config } from '../config.js';
import { ownClient } from '../temporal/own-client.js';
import { createQueueRates } from '../temporal/queue-rates.js';
import { openTemporal, type Temporal } from '../temporal/temporal.js';
import { HeadgateError } from '../errors.js';
import { lockSpool } from '../ingest/spool-lock.js';
import { Spool } from '../ingest/spool.js';
import { UsageLedger } from '../stores/usage/ledger.js';
import { createLogger } from '../platform/logger.js';
import { countProcesses } from '../recovery/holdings.js';
import { leftBehind } from '../removal/left-behind.js';
import { removeTenant, type RemovedTenant } from '../removal/remove-tenant.js';
import { holdNamespace } from '../roles/hold-namespace.js';
import { openStateStore } from '../roles/state.js';
import { dataPaths, openBatches, type DataPaths } from '../roles/stores.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import { makeChange, whileNobodyChanges } from '../tenants/config/change-history.js';
import { tenantFileName, versionOf } from '../tenants/config/tenant-file.js';
import { assertTenantId } from '../tenants/ids.js';
import { assertTemporal } from './assert-temporal.js';
import { earlierOf, type EarlierTenant } from './earlier-tenant.js';
import { print, printError } from './terminal-text.js';
import { commandAuthor, noted } from './note-act.js';

/** What `headgate tenant remove` is told. */
export interface RemoveOptions {
  readonly data: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** A state store that does not answer is waited for this long. */
const STATE_MS = 30_000;
const QUIET = createLogger('silent');

/** Takes a tenant's file away and, with `--data`, all that is kept of it. */
export async function remove(given: string, { data, dryRun, yes }: RemoveOptions): Promise<void> {
  const tenant = assertTenantId(given);
  const config = loadConfig();
  const paths = dataPaths(config.dataDir);
  const file = join(paths.tenants, tenantFileName(tenant));
  const isUnknown = data ? leftBehind(paths, tenant).length === 0 && !yes : true;
  if (isUnknown && !existsSync(file)) throw new HeadgateError('TENANT_UNKNOWN', unknown(tenant, data));
  const known = await earlierOf(paths, tenant);
  if (dryRun) return print(plan(config, tenant, data, known));
  const act = { act: 'tenant remove', kind: 'changes', tenant, params: { data: String(data) } } as const;
  if (!data) return noted(config, act, () => takeAway(config, tenant));
  if (!yes)
    throw new HeadgateError(
      'PARAMETER_INVALID',
      `${plan(config, tenant, data, known)}\nThere is no way back: add --yes to do it.`,
    );
  const removed = await noted(config, act, () =>
    withEverythingStopped(config, (temporal) => removeData(config, tenant, temporal, known.subscriptions)),
  );
  print(report(tenant, removed, known));
}

function unknown(tenant: string, data: boolean): string {
  const what = data ? 'nothing of it is kept here by its name' : 'it has no file here';
  const more = data
    ? ' To look for what may be left of it elsewhere (state, spool, Temporal), add --yes.'
    : '';
  return `Tenant ${tenant} is not configured, and ${what}.${more}`;
}

/** Without its data: running processes follow, and nothing else changes. */
async function takeAway(config: Config, tenant: string): Promise<void> {
  const paths = dataPaths(config.dataDir);
  await takeFileAway(paths, tenant);
  print(`${tenant} removed; what is kept of it stays:`);
  for (const { what, path } of leftBehind(paths, tenant)) print(`  ${what}: ${path}`);
  print(SHARED);
  print(
    `headgate tenant apply --keep-data goes on with it; headgate tenant remove ${tenant} --data removes it.`,
  );
}

/** As a change that its history has. */
function takeFileAway({ tenants, tenantVersions }: DataPaths, tenant: string): Promise<void> {
  const path = join(tenants, tenantFileName(tenant));
  return whileNobodyChanges(tenantVersions, async () => {
    const text = await readTextIfThere(path);
    if (text === undefined) return;
    const change = { change: 'tenant-deleted', replaces: versionOf(text), ...commandAuthor() } as const;
    await makeChange(tenantVersions, tenant, { path, content: undefined }, change);
  });
}

const SHARED =
  '  and in the state, the spool and Temporal: its profiles, ids that are remembered, what is on its way, pauses, usage';

function plan(config: Config, tenant: string, data: boolean, { bigQuery }: EarlierTenant): string {
  const paths = dataPaths(config.dataDir);
  const file = join(paths.tenants, tenantFileName(tenant));
  const own = leftBehind(paths, tenant).map(({ what, path }) => `  ${what}: ${path}`);
  const head = existsSync(file) ? [`  its file: ${file}`] : [];
  if (!data) return [`This would remove of ${tenant}:`, ...head, 'and keep:', ...own, SHARED].join('\n');
  const { batches } = config;
  const bucket =
    batches === undefined
      ? []
      : [`  batches of events: gs://${[batches.bucket, batches.prefix, tenant].filter(Boolean).join('/')}`];
  const stays = bigQuery.map(
    (place) => `It does not delete the dataset in BigQuery: ${place.project}.${place.dataset}`,
  );
  return [`This removes of ${tenant}, for good:`, ...head, ...own, ...bucket, SHARED, ...stays].join('\n');
}

/**
 * Runs `work` while no Headgate can start on the data directory.
 * @throws HeadgateError `DATA_DIR_IN_USE`: one runs
 */
async function withEverythingStopped<T>(
  config: Config,
  work: (temporal: Temporal) => Promise<T>,
): Promise<T> {
  assertTemporal(config, 'tenant remove --data');
  const paths = dataPaths(config.dataDir);
  const unlock = await lockSpool(paths.spool);
  try {
    if (countProcesses(paths.holdings) > 0)
      throw new HeadgateError(
        'DATA_DIR_IN_USE',
        'A worker uses this data directory. Stop it, and try again.',
      );
    const temporal = await openTemporal({ ...config, onProgress: printError });
    try {
      return await work(temporal);
    } finally {
      await temporal.close();
    }
  } finally {
    unlock();
  }
}

async function removeData(
  config: Config,
  tenant: string,
  temporal: Temporal,
  subscriptions: readonly string[],
): Promise<RemovedTenant> {
  const { connection, namespace } = temporal;
  const paths = dataPaths(config.dataDir);
  const onFatal = (reason: string): void => printError(reason);
  const { store, identity, keyFiles } = await openBatches(config);
  const roles = { api: true, worker: false };
  // In a namespace of another data directory the workflows of a tenant of this name are another's.
  const hold = await holdNamespace({ config, roles, temporal, identity, onFatal, log: QUIET });
  const signal = AbortSignal.timeout(STATE_MS);
  const state = await openStateStore(config, { log: QUIET, onFatal, signal });
  const spool = new Spool(paths.spool);
  const usage = new UsageLedger(paths.usage);
  try {
    return await removeTenant({
      tenant,
      paths,
      spool,
      state,
      usage,
      batchStore: store,
      keyFiles,
      subscriptions,
      client: ownClient({ connection, namespace }),
      rates: createQueueRates(connection, namespace),
      onDeleted: progress(),
    });
  } finally {
    hold.stop();
    await spool.close();
    await usage.close();
    await state.close();
  }
}

/** A tenant of a year has many workflows, and Temporal deletes some hundred a second. */
function progress(): (deleted: number) => void {
  const every = 1_000;
  let next = every;
  return (deleted) => {
    if (deleted < next) return;
    next = deleted + every;
    printError(`${deleted} workflows deleted`);
  };
}

function report(tenant: string, removed: RemovedTenant, { bigQuery }: EarlierTenant): string {
  const { workflows, subjects, waitingEvents, erasedAt } = removed;
  const lines = [
    `${tenant} is removed: ${subjects} subjects, ${workflows} workflows, ${waitingEvents} events that waited, and its files.`,
  ];
  if (erasedAt !== undefined)
    lines.push(
      `Its batch keys were erased at ${erasedAt}: the note of that stays, and its id is not to be used again.`,
    );
  for (const { project, dataset } of bigQuery)
    lines.push(`Its dataset in BigQuery is left; this deletes it: bq rm -r -d ${project}:${dataset}`);
  return lines.join('\n');
}

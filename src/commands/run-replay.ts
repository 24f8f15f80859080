import { setTimeout as delay } from 'node:timers/promises';
import {
  createReplayClient,
  type ReplayClient,
  type ReplayRequest,
  type ReplayView,
} from './replay-client.js';
import { openCommandApi } from './call-api.js';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import type { InputStream } from '../events/event.js';
import { dataPaths } from '../roles/stores.js';
import { readConfigFile } from '../tenants/config/tenant-file.js';
import { isVersion, keepVersion } from '../tenants/config/versions.js';
import { assertTenantId } from '../tenants/ids.js';
import { describe, reachNote, replayList, replayReport } from './replay-report.js';
import { showReplayProgress } from './replay-progress.js';
import { print, printError } from './terminal-text.js';

/** Options of all that is about replays. */
export interface TargetOptions {
  readonly tenant?: string;
  readonly url?: string;
  readonly json: boolean;
}

/** Options of `headgate replay`. */
export interface ReplayOptions extends TargetOptions {
  readonly stream?: InputStream;
  readonly subscription?: string;
  readonly into?: string;
  readonly from?: string;
  readonly to?: string;
  readonly types?: readonly string[];
  readonly rules?: string;
  readonly eventTime: boolean;
  readonly applyCurrent: boolean;
  readonly dryRun: boolean;
  readonly rate?: number;
  readonly wait: boolean;
}

const LOOK_EVERY_MS = 500;

/** Starts a replay, and waits for its end unless told not to. */
export async function runReplay(options: ReplayOptions): Promise<void> {
  const tenant = tenantOf(options);
  const client = clientFor(tenant, options);
  const rules = options.rules === undefined ? undefined : await versionFor(tenant, options.rules);
  const started = await client.start(requestOf(options, rules));
  if (!options.wait) return answer(options, started, `${describe(started)} started\n`);
  printError(`${describe(started)} started; it goes on if you leave`);
  const ended = await untilEnded(client, started.id);
  answer(options, ended, replayReport(ended));
  const note = reachNote(ended, (await client.list()).reach);
  if (note !== undefined) printError(note.text);
  const isIncomplete = ended.report?.unbatched !== undefined;
  if (ended.status !== 'completed' || note?.isGone === true || isIncomplete) process.exitCode = 1;
}

function requestOf(options: ReplayOptions, rules: string | undefined): ReplayRequest {
  const { from, to, eventTime, stream, types, subscription, into, applyCurrent, dryRun, rate } = options;
  return {
    from,
    to,
    stream,
    types,
    subscription,
    into,
    rules,
    dryRun,
    ...(eventTime && { eventTime }),
    ...(applyCurrent && { applyCurrent }),
    ...(rate !== undefined && { eventsPerSecond: rate }),
  };
}

/** A file is checked, and kept as a version that the workers on this data directory can read. */
async function versionFor(tenant: string, rules: string): Promise<string> {
  if (rules === 'current' || isVersion(rules)) return rules;
  const { config, text } = await readConfigFile(rules);
  if (config.tenant === tenant)
    return keepVersion(dataPaths(loadConfig().dataDir).tenantVersions, tenant, text);
  throw new HeadgateError(
    'TENANT_CONFIG_INVALID',
    `${rules} is of tenant ${config.tenant}, not of ${tenant}.`,
  );
}

async function untilEnded(client: ReplayClient, id: string): Promise<ReplayView> {
  const shown = showReplayProgress();
  try {
    for (;;) {
      const view = await client.follow(id);
      if (view.status !== 'running' && view.status !== 'continued_as_new') return view;
      if (view.progress !== undefined) shown.update(view.progress);
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    shown.end();
  }
}

/** Lists a tenant's latest replays. */
export async function list(options: TargetOptions): Promise<void> {
  const { replays, reach } = await clientFor(tenantOf(options), options).list();
  answer(options, { replays, reach }, replayList(replays, reach));
}

/** Says how far a replay is, or what it has done. */
export async function show(id: string, options: TargetOptions): Promise<void> {
  const view = await clientFor(tenantOf(options), options).show(id);
  const soFar = view.progress === undefined ? '' : `${JSON.stringify(view.progress)}\n`;
  answer(options, view, `${replayReport(view)}${soFar}`);
}

/** Stops a replay. */
export async function cancel(id: string, options: TargetOptions): Promise<void> {
  await clientFor(tenantOf(options), options).cancel(id);
  answer(options, { id, status: 'cancelling' }, `${id} is being cancelled`);
}

function answer({ json }: TargetOptions, value: object, text: string): void {
  print(json ? JSON.stringify(value, undefined, 2) : text);
}

function tenantOf({ tenant }: TargetOptions): string {
  if (tenant !== undefined) return assertTenantId(tenant);
  throw new HeadgateError('CONFIG_INVALID', 'Say whose events: --tenant TENANT.');
}

function clientFor(tenant: string, { url }: TargetOptions): ReplayClient {
  return createReplayClient(openCommandApi({ tenant, url }, 'replays:read replays:write'));
}

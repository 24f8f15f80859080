import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  createReplayClient,
  type ReplayClient,
  type ReplayRequest,
  type ReplayView,
} from './replay-client.js';
import { loadConfig } from '../config.js';
import { HeadgateError } from '../errors.js';
import { INPUT_STREAMS, type InputStream } from '../event.js';
import { signToken } from '../keys/key-set.js';
import { dataPaths } from '../roles/stores.js';
import { readConfigFile } from '../tenant-config/tenant-file.js';
import { isVersion, keepVersion } from '../tenant-config/versions.js';
import { assertTenantId } from '../tenant.js';
import { describe, replayList, replayReport } from './replay-report.js';
import { showReplayProgress } from './replay-progress.js';

interface TargetOptions {
  readonly tenant?: string;
  readonly url?: string;
  readonly json: boolean;
}

interface ReplayOptions extends TargetOptions {
  readonly stream?: InputStream;
  readonly subscription?: string;
  readonly into?: string;
  readonly from?: string;
  readonly to?: string;
  readonly types?: readonly string[];
  readonly rules?: string;
  readonly eventTime: boolean;
  readonly dryRun: boolean;
  readonly rate?: number;
  readonly wait: boolean;
}

const HELP = `
Without --subscription, --into and --rules everything is delivered again, as the tenant's routes say. --rules decides
again and records the decisions beside those there are: current, a version (headgate tenant versions), or a tenant
file, which is kept as a version. --dry-run says what would happen: for decisions, how they differ from those recorded.
Replays may be run twice, while events come in, and reset in the Temporal UI: nothing doubles in the warehouse, and
receivers know what is delivered again by its webhook-id.

The token is HEADGATE_TOKEN, or one signed with the development key.

Examples:
  $ headgate replay --tenant UA --rules current --from 2026-03-01 --dry-run
  $ headgate replay --tenant UA --rules UA-120-minutes.yaml --dry-run --json
  $ headgate replay --tenant UA --subscription crm --from 2026-03-01T10:00:00Z --to 2026-03-01T12:00:00Z
  $ headgate replay --tenant UA --into analytics --types 'flight.*' --rate 20000
  $ headgate replay list --tenant UA
  $ headgate replay cancel 20260301t100000-0123abcd --tenant UA`;

const LOOK_EVERY_MS = 500;

/** `headgate replay`: runs kept events again, over the API. */
export function replayCommand(): Command {
  const command = target(new Command('replay'))
    .description('run kept events again: deliver them, or decide on them by other rules')
    .enablePositionalOptions()
    .option('--from <moment>', 'from this moment or day on, RFC 3339 (default: the oldest event kept)')
    .option('--to <moment>', 'up to this moment (default: now)')
    .option('--event-time', "the range is by the events' own time (default: by receipt)", false)
    .addOption(new Option('--stream <stream>', 'one stream (default: both)').choices(INPUT_STREAMS))
    .option('--types <types>', 'event types, separated by commas; a star at the end for a prefix', typesOf)
    .option('--subscription <name>', 'deliver to this subscription alone')
    .option('--into <name>', 'fill this newly made subscription')
    .option('--rules <version|file>', 'decide again by these rules, and record the decisions')
    .option('--dry-run', 'say what would happen, and do nothing', false)
    .option('--rate <n>', 'events read per second (default: 5000)', wholeNumber)
    .option('--no-wait', 'do not wait for the end')
    .addHelpText('after', HELP)
    .action(runReplay);
  command.addCommand(
    target(new Command('list')).description('the latest replays, and how far back they reach').action(list),
  );
  command.addCommand(
    target(new Command('show'))
      .argument('<id>')
      .description('how far a replay is, or its report')
      .action(show),
  );
  command.addCommand(
    target(new Command('cancel'))
      .argument('<id>')
      .description('stop a replay; what it has done stays')
      .action(cancel),
  );
  return command;
}

function target(command: Command): Command {
  return command
    .option('--tenant <tenant>', 'whose events')
    .option('--url <url>', 'address of the API (default: this machine, HEADGATE_PORT)')
    .option('--json', 'print JSON', false);
}

async function runReplay(options: ReplayOptions): Promise<void> {
  const tenant = tenantOf(options);
  const client = clientFor(tenant, options);
  const rules = options.rules === undefined ? undefined : await versionFor(tenant, options.rules);
  const started = await client.start(requestOf(options, rules));
  if (!options.wait) return print(options, started, `${describe(started)} started\n`);
  process.stderr.write(`${describe(started)} started; it goes on if you leave\n`);
  const ended = await untilEnded(client, started.id);
  print(options, ended, replayReport(ended));
  if (ended.status !== 'completed') process.exitCode = 1;
}

function requestOf(options: ReplayOptions, rules: string | undefined): ReplayRequest {
  const { from, to, eventTime, stream, types, subscription, into, dryRun, rate } = options;
  return {
    ...{ from, to, stream, types, subscription, into, rules, dryRun },
    ...(eventTime && { eventTime }),
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
      const view = await client.show(id);
      if (view.status !== 'running' && view.status !== 'continued_as_new') return view;
      if (view.progress !== undefined) shown.update(view.progress);
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    shown.end();
  }
}

async function list(options: TargetOptions): Promise<void> {
  const { replays, reach } = await clientFor(tenantOf(options), options).list();
  print(options, { replays, reach }, replayList(replays, reach));
}

async function show(id: string, options: TargetOptions): Promise<void> {
  const view = await clientFor(tenantOf(options), options).show(id);
  const soFar = view.progress === undefined ? '' : `${JSON.stringify(view.progress)}\n`;
  print(options, view, `${replayReport(view)}${soFar}`);
}

async function cancel(id: string, options: TargetOptions): Promise<void> {
  await clientFor(tenantOf(options), options).cancel(id);
  print(options, { id, status: 'cancelling' }, `${id} is being cancelled\n`);
}

function print({ json }: TargetOptions, value: object, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : text);
}

function tenantOf({ tenant }: TargetOptions): string {
  if (tenant !== undefined) return assertTenantId(tenant);
  throw new HeadgateError('CONFIG_INVALID', 'Say whose events: --tenant TENANT.');
}

function clientFor(tenant: string, { url }: TargetOptions): ReplayClient {
  const config = loadConfig();
  const token = (): Promise<string> =>
    config.token !== undefined
      ? Promise.resolve(config.token)
      : signToken(config.dataDir, {
          ...{ tenant, scope: 'replays:read replays:write', expiresInSeconds: 600 },
          ...{ issuer: config.jwtIssuer, audience: config.jwtAudience },
        });
  return createReplayClient(url ?? `http://${config.host}:${config.port}`, token);
}

function typesOf(text: string): string[] {
  return text.split(',').map((type) => type.trim()).filter(Boolean); // prettier-ignore
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}

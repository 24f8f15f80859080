import { createWriteStream } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import type { DeadLetterPage } from '../dead-letters/list.js';
import type { RedriveStatus } from '../dead-letters/redrives.js';
import type { ResolvedDeadLetter } from '../dead-letters/resolve.js';
import type { DeadLetterDetail } from '../dead-letters/show.js';
import type { DeadLetterSummary } from '../dead-letters/summary.js';
import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';
import { assertTenantId, deadLetterIdOf } from '../tenant.js';
import { openCommandApi, type ApiCommandOptions, type CommandApi } from './call-api.js';
import {
  EXAMPLES,
  filterOf,
  filtered,
  queryOf,
  targeted,
  wholeNumber,
  type FilterOptions,
} from './dead-letter-options.js';
import { detailText, listTable } from './dead-letter-tables.js';
import { followRedrive, progressText } from './redrive-progress.js';

interface ListOptions extends FilterOptions {
  readonly limit: string;
}

interface ShowOptions extends ApiCommandOptions {
  readonly events: string;
  readonly json: boolean;
}

interface ResolveOptions extends FilterOptions {
  readonly all: boolean;
  readonly eventsPerSecond?: string;
  readonly reason?: string;
}

interface ExportOptions extends FilterOptions {
  readonly output?: string;
}

/** `headgate dead-letters`: what a tenant's subscriptions could not be given, and what is to become of it. */
export function deadLettersCommand(): Command {
  const command = new Command('dead-letters')
    .description('List, show, redrive, discard and export events that could not be delivered.')
    .addHelpText('after', EXAMPLES);
  filtered(command.command('list').description('list dead letters, the newest first'))
    .option('--limit <count>', 'at most so many', '50')
    .action(list);
  targeted(command.command('show').argument('<id>').description('show one, its events and what was tried'))
    .option('--events <count>', 'events to show, 0 to 200', '20')
    .action(show);
  resolving(command.command('redrive').argument('[id]').description('deliver again: one, or all that match'))
    .option('--reason <text>', 'why, for those who come after')
    .action((id: string | undefined, options: ResolveOptions) => resolve('redrive', id, options));
  resolving(command.command('discard').argument('[id]').description('give up: one, or all that match'))
    .requiredOption('--reason <text>', 'why, for those who come after')
    .action((id: string | undefined, options: ResolveOptions) => resolve('discard', id, options));
  targeted(
    command.command('progress').argument('<redrive>').description('follow a redrive or discard of many'),
  ).action(follow);
  targeted(
    command.command('cancel').argument('<redrive>').description('end a redrive or discard of many'),
  ).action(cancel);
  filtered(command.command('export').description('write the events as NDJSON, each with why it is dead'))
    .option('--output <file>', 'where to (default: standard output)')
    .action(exportAll);
  return command;
}

function resolving(command: Command): Command {
  return filtered(command)
    .option('--all', 'all of the tenant, where there is neither an id nor a filter', false)
    .option('--events-per-second <count>', 'let go at this rate (default 1000)');
}

async function list(options: ListOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read');
  const limit = wholeNumber('--limit', options.limit);
  const deadLetters: DeadLetterSummary[] = [];
  let pageToken: string | undefined;
  do {
    const most = String(Math.min(200, limit - deadLetters.length));
    const page = await api.call<DeadLetterPage>(
      'GET',
      `/v1/dead-letters?${queryOf(options, { limit: most, pageToken })}`,
    );
    deadLetters.push(...page.deadLetters);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && deadLetters.length < limit);
  if (options.json) return print(JSON.stringify({ deadLetters }, undefined, 2));
  if (deadLetters.length === 0) return print('There are no dead letters like this.');
  print(listTable(deadLetters));
  if (pageToken !== undefined) print(`the newest ${deadLetters.length}; --limit shows more`);
}

async function show(id: string, options: ShowOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read');
  const query = new URLSearchParams({ limit: options.events });
  const found = await api.call<DeadLetterDetail>('GET', `${pathOf(options.tenant, id)}?${query}`);
  print(options.json ? JSON.stringify(found, undefined, 2) : detailText(found));
}

async function resolve(
  verb: 'redrive' | 'discard',
  id: string | undefined,
  options: ResolveOptions,
): Promise<void> {
  // Following a redrive of many is reading.
  const api = openCommandApi(options, 'dead-letters:read dead-letters:write');
  if (id === undefined) return resolveMany(api, verb, options);
  const { reason, tenant } = options;
  const path = `${pathOf(tenant, id)}/${verb}`;
  const resolved = await api.call<ResolvedDeadLetter>('POST', path, reason === undefined ? {} : { reason });
  print(options.json ? JSON.stringify(resolved, undefined, 2) : `${resolved.id} is ${resolved.outcome}`);
}

async function resolveMany(
  api: CommandApi,
  verb: 'redrive' | 'discard',
  options: ResolveOptions,
): Promise<void> {
  const filter = filterOf(options);
  if (Object.keys(filter).length === 0 && !options.all)
    throw new HeadgateError(
      'CONFIG_INVALID',
      `Say which to ${verb}: an id, a filter such as --subscription, or --all of the tenant.`,
    );
  const { reason, eventsPerSecond } = options;
  const started = await api.call<RedriveStatus>('POST', `/v1/dead-letters/${verb}`, {
    filter,
    ...(reason !== undefined && { reason }),
    ...(eventsPerSecond !== undefined && {
      eventsPerSecond: wholeNumber('--events-per-second', eventsPerSecond),
    }),
  });
  const { id, url } = started;
  process.stderr.write(
    `${verb} ${id}: it goes on if this command is ended${url === undefined ? '' : `\n${url}`}\n`,
  );
  report(await followRedrive(api, started), options.json);
}

async function follow(id: string, options: ShowOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read');
  const status = await api.call<RedriveStatus>('GET', redrivePath(id));
  report(await followRedrive(api, status), options.json);
}

async function cancel(id: string, options: ShowOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read dead-letters:write');
  const status = await api.call<RedriveStatus>('POST', `${redrivePath(id)}/cancel`);
  report(await followRedrive(api, status), options.json);
}

async function exportAll(options: ExportOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read');
  const body = await api.stream(`/v1/dead-letters/export?${queryOf(options)}`);
  const target = options.output === undefined ? standardOutput() : createWriteStream(options.output);
  try {
    await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), target);
  } catch (error) {
    // Whoever reads it has had enough.
    if (systemCodeOf(error) === 'EPIPE') return;
    throw new HeadgateError(
      'REQUEST_FAILED',
      `The export was cut off, and is not whole: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Standard output, which must stay open. */
function standardOutput(): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => void process.stdout.write(chunk, done),
  });
}

function report(status: RedriveStatus, json: boolean): void {
  if (json) return print(JSON.stringify(status, undefined, 2));
  const { status: how, progress } = status;
  print(`${how}${progress === undefined ? '' : `: ${progressText(progress)}`}`);
  if (how === 'ended') process.exitCode = 2;
}

/** An id, or a workflow id as the Temporal UI shows it. */
function pathOf(tenant: string, id: string): string {
  return `/v1/dead-letters/${encodeURIComponent(deadLetterIdOf(assertTenantId(tenant), id) ?? id)}`;
}

function redrivePath(id: string): string {
  return `/v1/dead-letters/redrives/${encodeURIComponent(id)}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

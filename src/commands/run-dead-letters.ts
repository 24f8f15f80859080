import { createWriteStream } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DeadLetterPage } from '../dead-letters/list.js';
import type { RedriveStatus } from '../dead-letters/redrives.js';
import type { ResolvedDeadLetter } from '../dead-letters/resolve.js';
import type { DeadLetterDetail } from '../dead-letters/show.js';
import type { DeadLetterSummary } from '../dead-letters/summary.js';
import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';
import { deadLetterIdOf } from '../tenants/workflow-ids.js';
import { assertTenantId } from '../tenants/ids.js';
import { openCommandApi, type ApiCommandOptions, type CommandApi } from './call-api.js';
import { filterOf, queryOf, wholeNumber, type FilterOptions } from './dead-letter-filter.js';
import { detailText, listTable } from './dead-letter-tables.js';
import { followRedrive, progressText } from './redrive-progress.js';
import { print, printError } from './terminal-text.js';

/** Options of `headgate dead-letters list`. */
export interface ListOptions extends FilterOptions {
  readonly limit: string;
}

/** Options of what is about one of them. */
export interface ShowOptions extends ApiCommandOptions {
  readonly events: string;
  readonly json: boolean;
}

/** Options of redrive and discard. */
export interface ResolveOptions extends FilterOptions {
  readonly all: boolean;
  readonly eventsPerSecond?: string;
  readonly reason?: string;
}

/** Options of `headgate dead-letters export`. */
export interface ExportOptions extends FilterOptions {
  readonly output?: string;
}

/** Lists dead letters, the newest first. */
export async function list(options: ListOptions): Promise<void> {
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

/** Shows one, its events and what was tried. */
export async function show(id: string, options: ShowOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read');
  const query = new URLSearchParams({ limit: options.events });
  const found = await api.call<DeadLetterDetail>('GET', `${pathOf(options.tenant, id)}?${query}`);
  print(options.json ? JSON.stringify(found, undefined, 2) : detailText(found));
}

/** Redrives or discards one, or all that match a filter, which is followed to its end. */
export async function resolve(
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
  printError(`${verb} ${id}: it goes on if this command is ended${url === undefined ? '' : `\n${url}`}`);
  report(await followRedrive(api, started), options.json);
}

/** Follows a redrive or discard of many. */
export async function follow(id: string, options: ShowOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read');
  const status = await api.call<RedriveStatus>('GET', redrivePath(id));
  report(await followRedrive(api, status), options.json);
}

/** Ends a redrive or discard of many. */
export async function cancel(id: string, options: ShowOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read dead-letters:write');
  const status = await api.call<RedriveStatus>('POST', `${redrivePath(id)}/cancel`);
  report(await followRedrive(api, status), options.json);
}

/** Writes the events of dead letters as NDJSON. */
export async function exportAll(options: ExportOptions): Promise<void> {
  const api = openCommandApi(options, 'dead-letters:read');
  const body = await api.stream(`/v1/dead-letters/export?${queryOf(options)}`);
  const target = options.output === undefined ? standardOutput() : createWriteStream(options.output);
  try {
    await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), target);
  } catch (error) {
    // Its reader has had enough.
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

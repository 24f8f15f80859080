import Table from 'cli-table3';
import { loadConfig } from '../config.js';
import type { ChangedSource, ShownSource } from '../tenant-changes/sources.js';
import { overlapSecondsOf } from './overlap-option.js';
import { changeTenants, readTenants, reasonOf, tenantPath, type ManagingOptions } from './tenants-api.js';
import { cell, print, printError } from './terminal-text.js';

/** Options of `headgate source`. */
export interface SourceOptions extends ManagingOptions {
  readonly tenant: string;
  readonly json: boolean;
  readonly origin?: readonly string[];
  readonly eventType?: readonly string[];
  readonly overlap?: string;
  readonly id?: string;
}

/** Lists the sources of a tenant. */
export async function listSources(options: SourceOptions): Promise<void> {
  const answer = await readTenants(options).call<{ sources: ShownSource[] }>('GET', pathOf(options));
  if (options.json) return print(JSON.stringify(answer, undefined, 2));
  const head = ['name', 'origins', 'types', 'key', 'ends with', 'made', 'by', 'valid until'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { name, allowedOrigins, eventTypes, keys } of answer.sources) {
    const settings = [name, cell(allowedOrigins?.join(', ') ?? 'any'), cell(eventTypes?.join(', ') ?? 'any')];
    if (keys.length === 0) table.push([...settings, 'none', '', '', '', '']);
    for (const { id, ends, madeAt, by, validUntil = '' } of keys)
      table.push([...settings, id, ends, madeAt, cell(by), validUntil]);
  }
  print(table.toString());
}

/** Creates a source. */
export async function createSource(name: string, options: SourceOptions): Promise<void> {
  const body = { name, ...settingsOf(options), ...reasonOf(options) };
  report(options, await changeTenants(options).call<ChangedSource>('POST', pathOf(options), body));
}

/** Replaces what a source may send. */
export async function changeSource(name: string, options: SourceOptions): Promise<void> {
  const body = { ...settingsOf(options), ...reasonOf(options) };
  report(options, await changeTenants(options).call<ChangedSource>('PUT', pathOf(options, name), body));
}

/** Gives a source a new key. */
export async function rotateKeys(name: string, options: SourceOptions): Promise<void> {
  const body = { overlapSeconds: overlapSecondsOf(options), ...reasonOf(options) };
  const path = `${pathOf(options, name)}/keys/rotate`;
  report(options, await changeTenants(options).call<ChangedSource>('POST', path, body));
}

/** Ends a key. */
export async function revokeKey(name: string, options: SourceOptions): Promise<void> {
  const path = `${pathOf(options, name)}/keys/${encodeURIComponent(options.id ?? '')}`;
  report(options, await changeTenants(options).call<ChangedSource>('DELETE', withReason(path, options)));
}

/** Deletes a source. */
export async function deleteSource(name: string, options: SourceOptions): Promise<void> {
  const path = withReason(pathOf(options, name), options);
  report(options, await changeTenants(options).call<ChangedSource>('DELETE', path));
}

function pathOf({ tenant }: SourceOptions, name?: string): string {
  const path = `${tenantPath(tenant)}/sources`;
  return name === undefined ? path : `${path}/${encodeURIComponent(name)}`;
}

function withReason(path: string, options: SourceOptions): string {
  return `${path}?${new URLSearchParams(reasonOf(options)).toString()}`;
}

function settingsOf({ origin, eventType }: SourceOptions) {
  return {
    ...(origin !== undefined && { allowedOrigins: origin }),
    ...(eventType !== undefined && { eventTypes: eventType }),
  };
}

/** The key alone goes to stdout, for a pipe into where it is needed. */
function report(options: SourceOptions, changed: ChangedSource): void {
  if (options.json) return print(JSON.stringify(changed, undefined, 2));
  const { name, change, key, keys } = changed;
  const ids = keys.map(({ id, validUntil }) => (validUntil === undefined ? id : `${id} until ${validUntil}`));
  printError(`${name} ${change}; valid keys: ${ids.join(', ') || 'none'}`);
  if (key === undefined) return;
  printError('This is its key. Nobody can read it again:');
  print(key);
  if (change === 'source-created') printError(whatToDo(key, options.url));
}

/** How the SDKs that teams have already are told to send here. */
function whatToDo(key: string, url: string | undefined): string {
  const { host, port } = loadConfig();
  const at = new URL(url ?? `http://${host}:${port}`).origin;
  return `
Segment (Node):     new Analytics({ writeKey: '${key}', host: '${at}' })
RudderStack (Node): new Analytics('${key}', { dataPlaneUrl: '${at}' })
Others, and pages: docs/how-to/write-keys.md. Use the address by which your clients reach this API.`;
}

import { readFile } from 'node:fs/promises';
import Table from 'cli-table3';
import { parse } from 'yaml';
import { HeadgateError, messageOf, systemCodeOf } from '../errors.js';
import type { ChangedTenant, ShownTenant } from '../tenant-changes/tenants.js';
import type { RecordedChange } from '../tenants/config/change-history.js';
import { assertTenantId } from '../tenants/ids.js';
import { changeTenants, readTenants, reasonOf, tenantPath, type ManagingOptions } from './tenants-api.js';
import { cell, print, printError } from './terminal-text.js';

/** Options of what changes a tenant by a running node. */
export interface TenantChangeOptions extends ManagingOptions {
  readonly json?: boolean;
  /** A version, or `any`. */
  readonly replaces?: string;
}

/** The same of one of its subscriptions. */
export interface SubscriptionFileOptions extends TenantChangeOptions {
  readonly tenant: string;
}

/** Shows a tenant's file on stdout, and its version beside it. */
export async function showTenant(tenant: string, options: TenantChangeOptions): Promise<void> {
  const shown = await readTenants(options).call<ShownTenant>('GET', tenantPath(tenant));
  if (options.json === true) return print(JSON.stringify(shown, undefined, 2));
  printError(`version ${shown.version}${shown.inForce ? '' : ', not in force yet'}`);
  print(shown.config);
}

/** Creates a tenant, or replaces its file. */
export async function putTenant(
  file: string,
  options: TenantChangeOptions & { readonly keepData: boolean },
): Promise<void> {
  const config = await read(file);
  const tenant = tenantIn(config, file);
  const body = { config, keepData: options.keepData, ...reasonOf(options) };
  const api = changeTenants(options);
  report(await api.call<ChangedTenant>('PUT', tenantPath(tenant), body, preconditionOf(options)));
}

/** Takes a tenant's file away. */
export async function deleteTenant(tenant: string, options: TenantChangeOptions): Promise<void> {
  report(await remove(tenantPath(tenant), options));
}

/** Lists what was changed of a tenant. */
export async function tenantHistory(tenant: string, options: TenantChangeOptions): Promise<void> {
  const path = `${tenantPath(tenant)}/changes`;
  const answer = await readTenants(options).call<{ changes: RecordedChange[] }>('GET', path);
  if (options.json === true) return print(JSON.stringify(answer, undefined, 2));
  const table = new Table({
    head: ['number', 'at', 'change', 'name', 'version', 'by', 'why'],
    style: { head: [], border: [] },
  });
  for (const { number, at, change, name = '', version = '', by, reason = '' } of answer.changes)
    table.push([number, at, change, name, version, cell(by), cell(reason)]);
  print(table.toString());
}

/** Creates or replaces a subscription. */
export async function putSubscription(
  name: string,
  file: string,
  options: SubscriptionFileOptions,
): Promise<void> {
  const { routes, ...subscription } = parsed(await read(file), file);
  const body = { subscription, ...(routes !== undefined && { routes }), ...reasonOf(options) };
  const path = subscriptionPath(name, options);
  report(await changeTenants(options).call<ChangedTenant>('PUT', path, body, preconditionOf(options)));
}

/** Deletes a subscription. */
export async function deleteSubscription(name: string, options: SubscriptionFileOptions): Promise<void> {
  report(await remove(subscriptionPath(name, options), options));
}

function remove(path: string, options: TenantChangeOptions): Promise<ChangedTenant> {
  const query = options.reason === undefined ? '' : `?${new URLSearchParams(reasonOf(options)).toString()}`;
  return changeTenants(options).call<ChangedTenant>(
    'DELETE',
    `${path}${query}`,
    undefined,
    preconditionOf(options),
  );
}

function subscriptionPath(name: string, { tenant }: SubscriptionFileOptions): string {
  return `${tenantPath(tenant)}/subscriptions/${encodeURIComponent(name)}`;
}

/** Without a version the API takes what is new, and says the version of what is not. */
function preconditionOf({ replaces }: TenantChangeOptions): Record<string, string> {
  if (replaces === undefined) return {};
  return { 'if-match': replaces === 'any' ? '*' : `"${replaces}"` };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = systemCodeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new HeadgateError('FILE_UNREADABLE', `Cannot read ${file}: ${reason}.`, { cause: error });
  }
}

/** All else of it is checked by the API, which says the place of what is wrong. */
function tenantIn(text: string, file: string): string {
  const { tenant } = parsed(text, file);
  if (typeof tenant === 'string') return assertTenantId(tenant);
  throw new HeadgateError('TENANT_CONFIG_INVALID', `${file} does not say which tenant it is of.`);
}

function parsed(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new HeadgateError('TENANT_CONFIG_INVALID', `${file} is not YAML: ${messageOf(error)}`);
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new HeadgateError('TENANT_CONFIG_INVALID', `${file} is not a map of keys and values.`);
}

function report({ tenant, version, change, inForceAt, missingSecrets }: ChangedTenant): void {
  print([tenant, change, ...(version === undefined ? [] : [`version ${version}`])].join(' '));
  if (inForceAt === undefined) print('  on disk; the node takes it over later');
  for (const name of missingSecrets ?? [])
    print(`  there is no secret ${name}: headgate secret make ${name} --tenant ${tenant}`);
}

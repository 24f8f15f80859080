import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { HeadgateError, messageOf, systemCodeOf } from '../../errors.js';
import { allAtOnce, type Steps } from '../../platform/event-loop-turns.js';
import { compilingSchemas } from '../../event-schemas/compile.js';
import type { EventSchemas } from '../../event-schemas/event-schemas.js';
import { compilingRules } from '../../rules/compile.js';
import type { CompiledRules } from '../../rules/compiled.js';
import { compilingRoutes } from '../../routing/compile.js';
import { Router } from '../../routing/router.js';
import { compileSources, type WebhookSource } from '../../webhook-sources/compile.js';
import { invalidAsWhole } from './invalid-file.js';
import { parseTenantConfig } from './parse.js';
import type { TenantConfig } from './tenant-config.js';

/** A tenant's configuration with its rules compiled. */
export interface LoadedTenant {
  readonly config: TenantConfig;
  readonly rules: CompiledRules;
  /** Names this configuration: a hash of its file's text, 12 hex digits. */
  readonly version: string;
  /** Matches events against its routes; undefined where it has none. */
  readonly router?: Router;
  /** Checks the data of its events; undefined where it has no schemas. */
  readonly schemas?: EventSchemas;
  /** Its sources by name; undefined where it has none. */
  readonly sources?: ReadonlyMap<string, WebhookSource>;
}

/** A file of a tenant, read and checked. */
export interface TenantFile extends LoadedTenant {
  readonly text: string;
}

/** How texts of tenants' files are parsed and compiled. */
export interface Reading {
  /** @throws HeadgateError `TENANT_CONFIG_INVALID`, as {@link parseTenantConfig} */
  parse(text: string, fileName: string): TenantConfig | Promise<TenantConfig>;
  /** Compiles a configuration that has been checked; `text` is what it was read from. */
  compile(config: TenantConfig, text: string): LoadedTenant | Promise<LoadedTenant>;
}

/** At once, which holds up everything else in the process for as long as it takes: for commands, and starts. */
export const READING_AT_ONCE: Reading = { parse: parseTenantConfig, compile: compileTenant };

/** The most a tenant's file may hold; a larger one is a mistake. */
export const MAX_BYTES = 1024 * 1024;

/** The version of a tenant's file. */
export function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** What a tenant's file is called in the registry. */
export function tenantFileName(tenant: string): string {
  return `${tenant}.yaml`;
}

/** The tenant that a file of a tenant is about: its name is that, and {@link readTenantFile} refuses any other. */
export function tenantOfFile(name: string): string {
  return name.slice(0, -'.yaml'.length);
}

/** The names of the tenant files in a directory, sorted. Hidden files, such as those being written, are none. */
export async function listTenantFiles(dir: string): Promise<string[]> {
  const names = await readdir(dir);
  return names.filter((name) => name.endsWith('.yaml') && !name.startsWith('.')).sort();
}

/**
 * Reads and checks a tenant's file, which must be called by its tenant's id.
 * @throws HeadgateError `FILE_UNREADABLE`, `TENANT_CONFIG_INVALID`
 */
export async function readTenantFile(dir: string, name: string, reading?: Reading): Promise<TenantFile> {
  const path = join(dir, name);
  const file = await readConfigFile(path, reading);
  const { config } = file;
  if (name !== tenantFileName(config.tenant)) {
    const message = `the file of tenant ${config.tenant} must be called ${tenantFileName(config.tenant)}`;
    throw invalidAsWhole(path, message);
  }
  return file;
}

/**
 * Reads and checks a tenant's configuration from a file of any name.
 * @throws HeadgateError `FILE_UNREADABLE`, `TENANT_CONFIG_INVALID`
 */
export async function readConfigFile(path: string, reading = READING_AT_ONCE): Promise<TenantFile> {
  const text = await readText(path);
  const config = await reading.parse(text, path);
  return { ...(await reading.compile(config, text)), text };
}

/** Compiles a configuration that has been checked; `text` is what it was read from. */
export function compileTenant(config: TenantConfig, text: string): LoadedTenant {
  return allAtOnce(compilingTenant(config, text));
}

/** {@link compileTenant}, in steps. */
export function* compilingTenant(config: TenantConfig, text: string): Steps<LoadedTenant> {
  const routes = config.routes.length === 0 ? undefined : yield* compilingRoutes(config);
  const { compiled: schemas } = yield* compilingSchemas(config.schemas);
  const rules = yield* compilingRules(config);
  const router = routes && new Router(routes.compiled);
  const sources = config.sources.length === 0 ? undefined : compileSources(config.sources).compiled;
  return { config, rules, version: versionOf(text), router, schemas, sources };
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES)
      throw new Error(`it has ${size} bytes, more than the ${MAX_BYTES} a tenant's file may have`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const reason = systemCodeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new HeadgateError('FILE_UNREADABLE', `Cannot read ${basename(path)} (${path}): ${reason}.`, {
      cause: error,
    });
  }
}

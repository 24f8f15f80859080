import { appendFile, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../platform/durable-file.js';
import { HeadgateError, systemCodeOf } from '../../errors.js';
import { readTextIfThere, namesIfThere } from '../../platform/read-if-there.js';
import { assertTenantId, isTenantId } from '../ids.js';
import { withoutSecrets } from './left-out-secrets.js';
import { READING_AT_ONCE, versionOf, type LoadedTenant } from './tenant-file.js';

/** A configuration that a tenant has had, or that somebody wants to try on what it has received. */
export interface TenantVersion {
  /** Hash of the file's text: 12 hex digits. */
  readonly version: string;
  /** When it was last applied, or tried by a replay: milliseconds since the epoch. */
  readonly appliedAt: number;
}

/** Versions kept per tenant; the one applied longest ago goes first. */
export const MAX_VERSIONS = 100;

const VERSION = /^[0-9a-f]{12}$/;
const ENDING = '.yaml';

/** True when `version` has the form of a version. */
export function isVersion(version: unknown): version is string {
  return typeof version === 'string' && VERSION.test(version);
}

/**
 * Keeps a tenant's file under its version, durably: `<dir>/<tenant>/<version>.yaml`, without its literal secrets. One that is
 * kept already counts as applied now. Whether it is in force is told by {@link noteInForce}: a replay keeps what it tries as well.
 * @param leaveOut gives the text without its secrets
 * @returns the version
 */
export async function keepVersion(
  dir: string,
  tenant: string,
  text: string,
  now = Date.now(),
  leaveOut: (text: string) => string | Promise<string> = withoutSecrets,
): Promise<string> {
  const version = versionOf(text);
  const path = pathOf(dir, tenant, version);
  const at = new Date(now);
  const known = await utimes(path, at, at).then(
    () => true,
    () => false,
  );
  if (known) return version;
  await writeKept(path, text, await leaveOut(text), at);
  const kept = await listVersions(dir, tenant);
  for (const old of kept.slice(MAX_VERSIONS)) await rm(pathOf(dir, tenant, old.version), { force: true });
  return version;
}

/** Since when a version was in force. */
export interface InForce {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/** In the directory of a tenant's versions, once one has been in force. */
export const IN_FORCE = 'in-force.ndjson';

/** Notes that a version is in force, unless it is the one that was noted last: a line of `<dir>/<tenant>/in-force.ndjson`. */
export async function noteInForce(
  dir: string,
  tenant: string,
  version: string,
  now = Date.now(),
): Promise<void> {
  if ((await listInForce(dir, tenant)).at(-1)?.version === version) return;
  const line: InForce = { version, since: now };
  await appendFile(join(dir, assertTenantId(tenant), IN_FORCE), `${JSON.stringify(line)}\n`);
}

/** Which versions were in force, the first first; a line that a crash has cut is left out. */
export async function listInForce(dir: string, tenant: string): Promise<InForce[]> {
  const text = await readFile(join(dir, assertTenantId(tenant), IN_FORCE), 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return '';
    throw error;
  });
  const noted = text.split('\n').flatMap((line) => {
    try {
      const { version, since } = JSON.parse(line) as Partial<InForce>;
      return isVersion(version) && typeof since === 'number' ? [{ version, since }] : [];
    } catch {
      return [];
    }
  });
  // Several processes hear of a change at once.
  return noted.filter(({ version }, index) => version !== noted[index - 1]?.version);
}

/** The versions kept of a tenant, the one applied last first. */
export async function listVersions(dir: string, tenant: string): Promise<TenantVersion[]> {
  const names = await namesIn(join(dir, assertTenantId(tenant)));
  const versions = await Promise.all(
    names.map(async (version): Promise<TenantVersion[]> => {
      const found = await stat(pathOf(dir, tenant, version)).catch(() => undefined);
      return found === undefined ? [] : [{ version, appliedAt: found.mtimeMs }];
    }),
  );
  const newestFirst = (a: TenantVersion, b: TenantVersion): number =>
    b.appliedAt - a.appliedAt || (a.version < b.version ? -1 : 1);
  return versions.flat().sort(newestFirst);
}

/**
 * Reads a version back, checked and compiled.
 * @throws HeadgateError `RULES_UNKNOWN`: none of the tenant's versions has this name; `TENANT_CONFIG_INVALID`: what is kept
 * is not valid any more, or is not what the version says
 */
export async function readVersion(
  dir: string,
  tenant: string,
  version: string,
  reading = READING_AT_ONCE,
): Promise<LoadedTenant> {
  const text = await readVersionText(dir, tenant, version);
  const config = await reading.parse(text, `${version}${ENDING}`);
  if (config.tenant === tenant && isAsKept(text, version))
    return { ...(await reading.compile(config, text)), version };
  throw new HeadgateError('TENANT_CONFIG_INVALID', `Version ${version} has been changed by hand.`);
}

/** Ends a text that secrets are left out of: its own hash, since the version is that of the text with them. */
const TRAILER = /\n# Secrets are left out; version of this text: ([0-9a-f]{12})\n$/;

async function writeKept(path: string, text: string, left: string, at: Date): Promise<void> {
  const kept =
    left === text ? text : `${left}\n# Secrets are left out; version of this text: ${versionOf(left)}\n`;
  await writeDurably(path, async (temporary) => {
    await writeFile(temporary, kept);
    await utimes(temporary, at, at);
  });
}

function isAsKept(text: string, version: string): boolean {
  if (versionOf(text) === version) return true;
  const [trailer = '', hash] = TRAILER.exec(text) ?? [];
  return hash !== undefined && versionOf(text.slice(0, text.length - trailer.length)) === hash;
}

/** Says that no version in the directory has a literal secret any more. */
const CLEAN = '.secrets-left-out';

/** Leaves literal secrets out of versions that earlier Headgates have kept; once for a directory. */
export async function cleanVersions(dir: string): Promise<void> {
  if ((await readTextIfThere(join(dir, CLEAN))) !== undefined) return;
  const tenants = await readdir(dir).catch(() => []);
  for (const tenant of tenants.filter(isTenantId))
    for (const { version, appliedAt } of await listVersions(dir, tenant)) {
      const path = pathOf(dir, tenant, version);
      const text = await readTextIfThere(path);
      const left = text && withoutSecrets(text);
      if (text !== undefined && left !== undefined && left !== text)
        await writeKept(path, text, left, new Date(appliedAt));
    }
  await writeDurably(join(dir, CLEAN), (temporary) => writeFile(temporary, ''));
}

/**
 * The text of a version as it is kept: where it says so, without its secrets.
 * @throws HeadgateError `RULES_UNKNOWN`: none of the tenant's versions has this name
 */
export async function readVersionText(dir: string, tenant: string, version: string): Promise<string> {
  if (!isVersion(version)) throw unknownVersion(version);
  try {
    return await readFile(pathOf(dir, tenant, version), 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') throw unknownVersion(version);
    throw error;
  }
}

function unknownVersion(version: string): HeadgateError {
  const shown = JSON.stringify(version.slice(0, 40));
  return new HeadgateError(
    'RULES_UNKNOWN',
    `The tenant has no configuration version ${shown}; \`headgate tenant versions\` lists them.`,
  );
}

async function namesIn(directory: string): Promise<string[]> {
  const names = await namesIfThere(directory);
  return names.map((name) => name.slice(0, -ENDING.length)).filter(isVersion);
}

/** Tenant and version become part of a path here; the latter has been checked, or was made by {@link versionOf}. */
function pathOf(dir: string, tenant: string, version: string): string {
  return join(dir, assertTenantId(tenant), `${version}${ENDING}`);
}

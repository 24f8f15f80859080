import { stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeDurably } from '../../platform/durable-file.js';
import { HeadgateError, messageOf, systemCodeOf } from '../../errors.js';
import { readTextIfThere } from '../../platform/read-if-there.js';
import { makeChange, whileNobodyChanges, type Author } from './change-history.js';
import { assertColumnsKept } from './columns-kept.js';
import { NO_REACH, assertOwnName, assertReach, type Reach } from './reach.js';
import { keepVersion } from './versions.js';
import {
  listTenantFiles,
  tenantOfFile,
  readConfigFile,
  readTenantFile,
  tenantFileName,
  versionOf,
  type LoadedTenant,
  type TenantFile,
} from './tenant-file.js';

/** What applying a file did. */
export interface AppliedTenant {
  readonly tenant: string;
  readonly change: 'added' | 'changed' | 'unchanged';
}

/** A configuration that is to be applied. */
export interface TenantToApply {
  readonly loaded: LoadedTenant;
  /** False for a tenant that has no file yet. */
  readonly isThere: boolean;
  /** What its file says now; undefined where it has none, or an invalid one. */
  readonly before?: LoadedTenant;
}

/** What is applied, and to where. */
export interface ApplyTenants {
  /** A `<tenant>.yaml` file, or a directory of them. */
  readonly source: string;
  /** The registry's directory. */
  readonly dir: string;
  /** Where every configuration that is applied is kept as a version; see versions.ts. */
  readonly versions?: string;
  /** What tenants may reach beyond what is theirs. Default: nothing. */
  readonly reach?: Reach;
  /** Who applies them, and why: for the tenants' histories, which are beside the versions. */
  readonly author?: Author;
  /** Asked of all configurations before the first is written; what it throws keeps all from coming into force. */
  readonly check?: (tenants: readonly TenantToApply[]) => Promise<void>;
}

/**
 * Puts tenant files into a registry's directory. All are checked before the first is written, so an invalid one leaves
 * everything as it was; each is then written atomically, and running processes follow.
 * @throws HeadgateError `FILE_UNREADABLE`; `TENANT_CONFIG_INVALID` with the problems of all files; what the check throws
 */
export async function applyTenantFiles(from: ApplyTenants): Promise<AppliedTenant[]> {
  if (from.versions === undefined) return applyAll(from);
  return whileNobodyChanges(from.versions, () => applyAll(from));
}

async function applyAll(from: ApplyTenants): Promise<AppliedTenant[]> {
  const files = await readAll(from);
  if (from.check !== undefined)
    await from.check(await Promise.all(files.map((file) => toApply(from.dir, file))));
  const applied: AppliedTenant[] = [];
  for (const file of files) applied.push({ tenant: file.config.tenant, change: await put(from, file) });
  return applied;
}

async function toApply(dir: string, loaded: LoadedTenant): Promise<TenantToApply> {
  const path = join(dir, tenantFileName(loaded.config.tenant));
  const isThere = (await readTextIfThere(path)) !== undefined;
  return { loaded, isThere, before: isThere ? await readConfigFile(path).catch(() => undefined) : undefined };
}

async function readAll({
  source,
  dir: registry,
  versions,
  reach = NO_REACH,
}: ApplyTenants): Promise<TenantFile[]> {
  const [dir, names] = await filesOf(source);
  const inForce: readonly string[] = await listTenantFiles(registry).catch(() => []);
  const others = [...inForce, ...names].map(tenantOfFile);
  const read = await Promise.allSettled(
    names.map(async (name) => {
      const file = await readTenantFile(dir, name);
      if (!inForce.includes(name)) assertOwnName(file.config.tenant, join(dir, name), others);
      assertReach(file, join(dir, name), reach, others);
      if (versions !== undefined) await assertColumnsKept(versions, file, join(dir, name));
      return file;
    }),
  );
  const failed = read.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failed.length > 0) throw together(failed);
  return read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** The directory and the names of the files to apply. */
async function filesOf(source: string): Promise<[dir: string, names: string[]]> {
  let names: string[];
  try {
    if (!(await stat(source)).isDirectory()) return [dirname(source), [basename(source)]];
    names = await listTenantFiles(source);
  } catch (error) {
    const reason = systemCodeOf(error) === 'ENOENT' ? 'there is no such file or directory' : messageOf(error);
    throw new HeadgateError('FILE_UNREADABLE', `Cannot read ${source}: ${reason}.`, { cause: error });
  }
  if (names.length > 0) return [source, names];
  throw new HeadgateError('FILE_UNREADABLE', `There is no tenant file (<tenant>.yaml) in ${source}.`);
}

/** One error for all files: the problems of each, in order. */
function together(failed: readonly unknown[]): unknown {
  const unexpected = failed.find((error) => !(error instanceof HeadgateError));
  if (unexpected !== undefined) return unexpected;
  const errors = failed as HeadgateError[];
  if (errors.length === 1) return errors[0];
  const issues = errors.flatMap(({ details }) => (details?.issues as unknown[] | undefined) ?? []);
  const message = errors.map((error) => error.message).join('\n');
  return new HeadgateError('TENANT_CONFIG_INVALID', message, { details: { issues } });
}

async function put(
  { dir, versions, author = SOMEBODY }: ApplyTenants,
  { config: { tenant }, text, version }: TenantFile,
): Promise<AppliedTenant['change']> {
  const path = join(dir, tenantFileName(tenant));
  const before = await readTextIfThere(path);
  if (versions !== undefined) await keepVersion(versions, tenant, text);
  if (before === text) return 'unchanged';
  const replaces = before === undefined ? {} : { replaces: versionOf(before) };
  const change = before === undefined ? 'tenant-created' : 'tenant-replaced';
  // A process that reads it finds the old text or the new one, never a part.
  if (versions === undefined) await writeDurably(path, (temporary) => writeFile(temporary, text));
  else
    await makeChange(versions, tenant, { path, content: text }, { change, version, ...replaces, ...author });
  return before === undefined ? 'added' : 'changed';
}

/** Of what applies files without saying for whom. */
const SOMEBODY: Author = { by: 'unknown', role: 'command' };

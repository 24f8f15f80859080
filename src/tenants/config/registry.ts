import { mkdir } from 'node:fs/promises';
import { HeadgateError, messageOf } from '../../errors.js';
import { FollowedDirectory } from '../../platform/followed-directory.js';
import type { Logger } from '../../platform/logger.js';
import { assertColumnsKept } from './columns-kept.js';
import type { ReadingApart } from './reading-apart.js';
import { cleanVersions, keepVersion, noteInForce } from './versions.js';
import {
  listTenantFiles,
  readTenantFile,
  tenantOfFile,
  type LoadedTenant,
  type TenantFile,
} from './tenant-file.js';

export { applyTenantFiles, type TenantToApply } from './apply.js';
export type { LoadedTenant } from './tenant-file.js';

/** What happened to a tenant; `loaded` is there unless it was removed. */
export interface TenantChange {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly tenant: string;
  readonly loaded?: LoadedTenant;
}

/** What the registry logs to. */
type RegistryLogger = Pick<Logger, 'info' | 'warn' | 'error'>;

/** How to open a registry. */
export interface TenantRegistryOptions {
  /** Directory of `<tenant>.yaml` files; made if it is not there. */
  readonly dir: string;
  /** Where every configuration that comes into force is kept as a version; see versions.ts. */
  readonly versions?: string;
  readonly logger?: RegistryLogger;
  /** Reads what changes once the registry is open, so that nobody waits for a large file. Default: at once. */
  readonly reading?: ReadingApart;
}

/** The tenants of this machine. */
export interface TenantRegistry {
  /** The tenant's configuration now in force. */
  get(tenant: string): LoadedTenant | undefined;
  /** Every tenant, by id. */
  list(): LoadedTenant[];
  /** Calls `listener` for each change from now on. Returns how to stop that. */
  onChange(listener: (change: TenantChange) => void): () => void;
  /** Stops watching; what was loaded can still be read. */
  close(): Promise<void>;
}

/**
 * The tenant's configuration as it is now.
 * @throws HeadgateError `TENANT_UNKNOWN`, retryable: what is on its way is kept, and goes on when the configuration is back
 */
export function configuredTenant(registry: Pick<TenantRegistry, 'get'>, tenant: string): LoadedTenant {
  const loaded = registry.get(tenant);
  if (loaded !== undefined) return loaded;
  throw new HeadgateError('TENANT_UNKNOWN', `Tenant ${tenant} is not configured here.`, { retryable: true });
}

/** What is logged of each kind of change. */
const CHANGES = { added: 'TENANT_ADDED', changed: 'TENANT_CHANGED', removed: 'TENANT_REMOVED' } as const;

/**
 * Opens the directory of tenant files that the processes of one machine share, and follows its changes by `fs.watch`
 * (so it must be on a local file system). A file that is or becomes invalid is logged and otherwise ignored: the
 * tenant goes on with the last good configuration this process has seen.
 */
export async function openTenantRegistry(options: TenantRegistryOptions): Promise<TenantRegistry> {
  const { dir, versions, logger, reading } = options;
  await mkdir(dir, { recursive: true });
  // A directory that cannot be written keeps no new versions either; that is told with each.
  if (versions !== undefined)
    await cleanVersions(versions).catch((error: unknown) =>
      logger?.warn('TENANT_SECRETS_KEPT', { reason: messageOf(error) }),
    );
  const registry = new DirectoryRegistry(dir, versions, logger, reading);
  await registry.open();
  return registry;
}

/** What was loaded per file, followed by {@link FollowedDirectory}. */
class DirectoryRegistry implements TenantRegistry {
  private readonly tenants = new Map<string, LoadedTenant & { readonly text: string }>();
  private readonly listeners = new Set<(change: TenantChange) => void>();
  private readonly files: FollowedDirectory;
  private opened = false;

  constructor(
    private readonly dir: string,
    private readonly versions?: string,
    private readonly logger?: RegistryLogger,
    private readonly readsApart?: ReadingApart,
  ) {
    const directory = dir;
    this.files = new FollowedDirectory({
      directory,
      list: () => listTenantFiles(dir),
      read: (name) => this.read(name),
      gone: (name) => this.remove(name),
      failed: (err) => logger?.error('TENANT_DIRECTORY_UNREADABLE', { err, directory }),
      unwatched: (err) => logger?.error('TENANT_DIRECTORY_UNWATCHED', { err, directory }),
    });
  }

  async open(): Promise<void> {
    await this.files.open();
    this.opened = true;
    this.logger?.info('TENANTS_LOADED', { tenants: this.tenants.size, directory: this.dir });
  }

  /** A start reads at once: nobody is served yet, and there may be many files. */
  private get reading(): ReadingApart | undefined {
    return this.opened ? this.readsApart : undefined;
  }

  get(tenant: string): LoadedTenant | undefined {
    return this.tenants.get(tenant);
  }

  list(): LoadedTenant[] {
    return [...this.tenants.values()].sort((a, b) => (a.config.tenant < b.config.tenant ? -1 : 1));
  }

  onChange(listener: (change: TenantChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.files.close();
  }

  private async read(name: string): Promise<void> {
    try {
      const file = await readTenantFile(this.dir, name, this.reading);
      const { tenant } = file.config;
      const before = this.tenants.get(tenant);
      if (before?.text === file.text) return;
      if (this.versions !== undefined) await this.assertColumnsKept(this.versions, file, name);
      await this.keep(file);
      this.tenants.set(tenant, file);
      this.announce({ kind: before === undefined ? 'added' : 'changed', tenant, loaded: file });
    } catch (error) {
      const kept = this.tenants.has(tenantOfFile(name));
      const id = kept ? 'TENANT_FILE_INVALID' : 'TENANT_FILE_LEFT_OUT';
      this.logger?.warn(id, { file: name, reason: messageOf(error) });
    }
  }

  private assertColumnsKept(versions: string, file: TenantFile, name: string): Promise<void> {
    return this.reading?.assertColumnsKept(versions, file, name) ?? assertColumnsKept(versions, file, name);
  }

  /** A version that cannot be kept is missing from replays later; the configuration comes into force all the same. */
  private async keep({ config: { tenant }, text }: TenantFile): Promise<void> {
    if (this.versions === undefined) return;
    try {
      const { reading } = this;
      const leaveOut = reading && ((all: string) => reading.withoutSecrets(all));
      const version = await keepVersion(this.versions, tenant, text, Date.now(), leaveOut);
      await noteInForce(this.versions, tenant, version);
    } catch (error) {
      this.logger?.warn('TENANT_VERSION_NOT_KEPT', { tenant, reason: messageOf(error) });
    }
  }

  private remove(name: string): void {
    const tenant = tenantOfFile(name);
    if (this.tenants.delete(tenant)) this.announce({ kind: 'removed', tenant });
  }

  /** Nobody can listen before the registry is open. A listener that throws must not keep the others, or the next file, from being heard. */
  private announce(change: TenantChange): void {
    if (!this.opened) return;
    this.logger?.info(CHANGES[change.kind], { tenant: change.tenant });
    for (const listener of this.listeners) {
      try {
        listener(change);
      } catch (error) {
        this.logger?.error('TENANT_LISTENER_FAILED', { err: error, tenant: change.tenant });
      }
    }
  }
}

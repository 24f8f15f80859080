import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError } from '../errors.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import {
  listChanges,
  makeChange,
  whileNobodyChanges,
  type Author,
  type Change,
  type RecordedChange,
} from '../tenants/config/change-history.js';
import type { SubscriptionEdit } from '../tenants/config/edit-subscriptions.js';
import type { ReadingApart } from '../tenants/config/reading-apart.js';
import type { TenantRegistry } from '../tenants/config/registry.js';
import type { TenantConfig } from '../tenants/config/tenant-config.js';
import { listTenantFiles, tenantFileName, tenantOfFile, versionOf } from '../tenants/config/tenant-file.js';
import { keepVersion } from '../tenants/config/versions.js';
import { checkProposed, type CheckOptions } from './check.js';
import { awaitInForce } from './in-force.js';
import { assertPrecondition, type Precondition } from './precondition.js';

/** What {@link TenantChanges} needs. */
export interface TenantChangesOptions extends CheckOptions {
  readonly reading: ReadingApart;
  readonly registry: Pick<TenantRegistry, 'get' | 'onChange'>;
  /** Secrets that a configuration refers to, and that nobody has made. Default: none. */
  readonly missingSecrets?: (config: TenantConfig) => string[];
}

/** A tenant's file as it is shown: without its literal secrets. */
export interface ShownTenant {
  readonly tenant: string;
  readonly version: string;
  readonly config: string;
  /** Whether this process has this version in force. */
  readonly inForce: boolean;
}

/** What became of a change. */
export interface ChangedTenant {
  readonly tenant: string;
  /** Absent once it is deleted. */
  readonly version?: string;
  readonly change: Change['change'] | 'unchanged';
  /** Its place in the tenant's history; absent where nothing was changed. */
  readonly number?: number;
  /** Since when this process has it in force; absent where that takes longer than some seconds. */
  readonly inForceAt?: string;
  readonly missingSecrets?: readonly string[];
}

/** A change of what is there. */
export interface ChangeRequest {
  readonly tenant: string;
  readonly precondition: Precondition;
  readonly author: Author;
}

/** What a change comes to; nothing in place of a text: the tenant goes. */
interface Draft extends Pick<Change, 'change' | 'name'> {
  readonly text: string | undefined;
}

/**
 * Tenants' files, changed while Headgate runs. A change is checked as `headgate tenant apply` checks a file, written
 * durably, recorded with who and why, and answered once this process has taken it over; other processes of the data
 * directory do within a second.
 */
export class TenantChanges {
  constructor(private readonly options: TenantChangesOptions) {}

  /** The ids of all tenants that have a file, sorted. */
  async ids(): Promise<string[]> {
    return (await listTenantFiles(this.options.paths.tenants)).map(tenantOfFile);
  }

  /** @throws HeadgateError `NOT_FOUND` */
  async show(tenant: string): Promise<ShownTenant> {
    const { registry, reading } = this.options;
    const text = await this.read(tenant);
    if (text === undefined) throw notThere(tenant);
    const version = versionOf(text);
    const inForce = registry.get(tenant)?.version === version;
    return { tenant, version, config: await reading.withoutSecrets(text), inForce };
  }

  /**
   * What was changed, the first first.
   * @throws HeadgateError `NOT_FOUND`: there is no such tenant, and there was none
   */
  async history(tenant: string): Promise<RecordedChange[]> {
    const { tenants, tenantVersions } = this.options.paths;
    if (!(await isIn(tenantVersions, tenant)) && !(await isIn(tenants, tenantFileName(tenant))))
      throw notThere(tenant);
    return listChanges(tenantVersions, tenant);
  }

  /**
   * Creates a tenant, or replaces its file.
   * @param asked with `keepData`, a new one goes on with what an earlier one of its id has left
   * @throws HeadgateError what {@link assertPrecondition} and {@link checkProposed} throw
   */
  put(
    asked: ChangeRequest & { readonly config: string; readonly keepData: boolean },
  ): Promise<ChangedTenant> {
    return this.change(asked, (before) =>
      Promise.resolve({
        text: asked.config,
        change: before === undefined ? 'tenant-created' : 'tenant-replaced',
      }),
    );
  }

  /** Takes a tenant's file away; all that is kept of it stays. @throws HeadgateError `NOT_FOUND` and others */
  remove(asked: ChangeRequest): Promise<ChangedTenant> {
    return this.change(asked, (before) => {
      if (before === undefined) throw notThere(asked.tenant);
      return Promise.resolve({ text: undefined, change: 'tenant-deleted' });
    });
  }

  /**
   * Creates, replaces or deletes a subscription, with the routes that lead to it.
   * @throws HeadgateError `NOT_FOUND`: there is no such tenant, or none to be deleted; what {@link checkProposed} throws
   */
  changeSubscription(asked: ChangeRequest & { readonly edit: SubscriptionEdit }): Promise<ChangedTenant> {
    const { tenant, edit } = asked;
    return this.change(asked, async (before) => {
      if (before === undefined) throw notThere(tenant);
      const { text, wasThere } = await this.options.reading.editSubscription(before, edit);
      const { name, subscription } = edit;
      if (subscription !== undefined)
        return { text, name, change: wasThere ? 'subscription-replaced' : 'subscription-created' };
      if (wasThere) return { text, name, change: 'subscription-deleted' };
      throw new HeadgateError('NOT_FOUND', `Tenant ${tenant} has no subscription ${name}.`);
    });
  }

  private async change(
    asked: ChangeRequest & { readonly keepData?: boolean },
    make: (before: string | undefined) => Promise<Draft>,
  ): Promise<ChangedTenant> {
    const { tenant } = asked;
    const made = await whileNobodyChanges(this.options.paths.tenantVersions, async () => {
      const before = await this.read(tenant);
      const draft = await make(before);
      assertPrecondition(asked.precondition, tenant, before && versionOf(before));
      return this.write(asked, before, draft);
    });
    const inForceAt = await awaitInForce(this.options.registry, tenant, made.version);
    return { ...made, ...(inForceAt && { inForceAt: inForceAt.toISOString() }) };
  }

  private async write(
    { tenant, author, keepData = false }: ChangeRequest & { readonly keepData?: boolean },
    before: string | undefined,
    { text, ...draft }: Draft,
  ): Promise<ChangedTenant> {
    const { options } = this;
    const { tenants, tenantVersions } = options.paths;
    const proposed = text !== undefined && { tenant, text, isNew: before === undefined, keepData };
    const config = proposed ? await checkProposed(options, proposed) : undefined;
    const missing = config && options.missingSecrets?.(config);
    const version = text === undefined ? {} : { version: versionOf(text) };
    const told = { tenant, ...version, ...(missing?.length && { missingSecrets: missing }) };
    if (before === text) return { ...told, change: 'unchanged' };
    const leaveOut = (all: string): Promise<string> => options.reading.withoutSecrets(all);
    if (text !== undefined) await keepVersion(tenantVersions, tenant, text, Date.now(), leaveOut);
    const replaces = before === undefined ? {} : { replaces: versionOf(before) };
    const { number } = await makeChange(
      tenantVersions,
      tenant,
      { path: join(tenants, tenantFileName(tenant)), content: text },
      { ...draft, ...version, ...replaces, ...author },
    );
    return { ...told, change: draft.change, number };
  }

  private read(tenant: string): Promise<string | undefined> {
    return readTextIfThere(join(this.options.paths.tenants, tenantFileName(tenant)));
  }
}

/** By its exact name, also where the file system does not tell case. */
async function isIn(directory: string, name: string): Promise<boolean> {
  const names: readonly string[] = await readdir(directory).catch(() => []);
  return names.includes(name);
}

function notThere(tenant: string): HeadgateError {
  return new HeadgateError('NOT_FOUND', `There is no tenant ${tenant}.`);
}

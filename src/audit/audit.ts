import { HeadgateError } from '../errors.js';
import { readUnsent } from '../ingest/unsent-events.js';
import type { DataPaths } from '../roles/stores.js';
import type { BatchStore } from '../stores/batch-store/batch-store.js';
import { createFileQuarantine } from '../stores/quarantine/file.js';
import type { LoadedTenant } from '../tenants/config/registry.js';
import { readAcknowledged, type IdDefaults } from './acknowledged-ids.js';
import type { DayRange } from './batch-files.js';
import { configuredRules, type ConfiguredRules } from './configured-rules.js';
import { auditTenant, type TenantAudit } from './tenant-audit.js';
import { withWorkspace } from './workspace.js';

/** What {@link audit} is to look at. */
export interface AuditOptions {
  readonly paths: Pick<DataPaths, 'quarantine' | 'spool' | 'tenantVersions' | 'warehouse'>;
  readonly batchStore: Pick<BatchStore, 'list' | 'localFiles' | 'open'>;
  /** The configured tenants. */
  readonly tenants: readonly LoadedTenant[];
  /** The one tenant to look at. Default: all configured, or all among `ids`. */
  readonly tenant?: string;
  /** Lines of acknowledged ids; without them the kept batch files say what was acknowledged. */
  readonly ids?: AsyncIterable<string>;
  /** The stream of ids whose lines name none. */
  readonly stream: IdDefaults['stream'];
  /** Only batches made on these days (UTC). */
  readonly days: DayRange;
  /** How many of what is missing or doubled are named, per tenant and kind. */
  readonly show: number;
  /** Called with what is being done. */
  readonly onProgress: (message: string) => void;
  /** Called with a tenant that nobody asked for by name and that is erased, so that there is nothing to look at. */
  readonly onSkipped: (message: string) => void;
}

/**
 * Compares what the API has acknowledged with what the warehouse's files hold, and the decisions with the rules. Reads
 * only; what is still on its way counts as missing.
 * @throws HeadgateError `FILE_UNREADABLE` (the ids), `TENANT_UNKNOWN`, `TENANT_ERASED`, `WAREHOUSE_FAILED`
 */
export function audit(options: AuditOptions): Promise<TenantAudit[]> {
  return withWorkspace(async (workspace) => {
    const { ids, tenant, stream, onProgress } = options;
    const named = ids === undefined ? undefined : await readAcknowledged(workspace, ids, { tenant, stream });
    // Before the files: what leaves it meanwhile is in them.
    const unsent = await readUnsent(options.paths.spool);
    const results: TenantAudit[] = [];
    for (const each of tenantsOf(options, named)) {
      const auditing = auditTenant({
        ...options,
        workspace,
        tenant: each,
        configured: await configuredOf(options, each),
        warehouseRoot: options.paths.warehouse,
        quarantine: createFileQuarantine(options.paths.quarantine),
        unsent: unsent.get(each) ?? [],
        given: ids !== undefined,
        onRead: (read, of) => onProgress(`${each}: read ${read} of ${of} batch files`),
      });
      try {
        results.push(await auditing);
      } catch (error) {
        const isErased = error instanceof HeadgateError && error.code === 'TENANT_ERASED';
        if (tenant !== undefined || !isErased) throw error;
        options.onSkipped(error.message);
      }
    }
    return results;
  });
}

async function configuredOf({ tenants, paths }: AuditOptions, tenant: string): Promise<ConfiguredRules[]> {
  const loaded = tenants.find(({ config }) => config.tenant === tenant);
  return loaded === undefined ? [] : configuredRules(paths.tenantVersions, loaded);
}

function tenantsOf(
  { tenants, tenant }: AuditOptions,
  named: readonly string[] | undefined,
): readonly string[] {
  const configured = tenants.map(({ config }) => config.tenant);
  if (tenant === undefined) return named ?? configured;
  if (named === undefined && !configured.includes(tenant))
    throw new HeadgateError(
      'TENANT_UNKNOWN',
      `There is no tenant ${tenant}; headgate tenant list shows all.`,
    );
  return [tenant];
}

/** True when nothing is missing, nothing waits in the spool, nothing is damaged and nothing is doubled. */
export function isClean(result: TenantAudit): boolean {
  const { missing, unsent, damaged, damagedFiles, doubled, decisionsMissing, decisionsDoubled } = result;
  return [missing, unsent, damaged, damagedFiles, doubled, decisionsMissing, decisionsDoubled].every(
    ({ count }) => count === 0,
  );
}

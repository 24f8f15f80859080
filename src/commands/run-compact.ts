import { loadConfig } from '../config.js';
import { armFaultPoint } from '../platform/fault-point.js';
import { dataPaths } from '../roles/stores.js';
import { compactTenant } from '../stores/warehouse/parquet/compaction.js';
import { assertParquet } from './parquet-tenant.js';
import { print } from './terminal-text.js';
import { warnOfNothingToRead } from './unknown-tenant.js';
import { noted } from './note-act.js';

/** Options of `headgate compact`; both in milliseconds. */
export interface CompactOptions {
  readonly olderThan: number;
  readonly grace: number;
}

/** Compacts the Parquet files of a tenant once, and says what has become of them. */
export async function runCompact(tenant: string, { olderThan, grace }: CompactOptions): Promise<void> {
  const config = loadConfig();
  const { dataDir, fault } = config;
  if (fault !== undefined) armFaultPoint(fault.point, fault.passes);
  await assertParquet(dataDir, tenant);
  await warnOfNothingToRead(dataDir, tenant);
  const root = dataPaths(dataDir).warehouse;
  const result = await noted(config, { act: 'compact', kind: 'changes', tenant }, () =>
    compactTenant({ root, tenant, olderThanMs: olderThan, graceMs: grace }),
  );
  const { replaced, written, removed, kept } = result;
  print(`${replaced} files replaced by ${written}; ${removed} replaced files removed, ${kept} kept for now`);
}

/** Compacts the tenants that its input names, and prints a report for each as a line of JSON. */
import { text } from 'node:stream/consumers';
import { HeadgateError, messageOf } from '../errors.js';
import { compactTenant } from '../stores/warehouse/parquet/compaction.js';
import type { CompactionOrder, CompactionReport } from './compact-process.js';

const { tenants, ...how } = JSON.parse(await text(process.stdin)) as CompactionOrder;
for (const tenant of tenants) process.stdout.write(`${JSON.stringify(await report(tenant))}\n`);

/** One tenant's damaged file must not keep the others from being compacted. */
async function report(tenant: string): Promise<CompactionReport> {
  try {
    return { tenant, result: await compactTenant({ ...how, tenant }) };
  } catch (error) {
    const code = error instanceof HeadgateError ? error.code : 'WAREHOUSE_FAILED';
    return { tenant, failed: { code, reason: messageOf(error) } };
  }
}

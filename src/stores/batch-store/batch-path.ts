import { assertBatchId, assertTenantId, dayOfBatch, isBatchId } from '../../tenants/ids.js';
import type { BatchName } from '../../events/event.js';

/** What the name of a batch file ends with. */
export const ENDING = '.ndjson.gz';

/**
 * The parts of a batch file's path below a store's root: tenant, stream, day, `<batchId>.ndjson.gz`. Tenant and batch id
 * are checked here, where they become part of a path.
 * @throws HeadgateError `TENANT_ID_INVALID`, `NOT_FOUND`
 */
export function batchPathParts({ tenant, stream, batchId }: BatchName): readonly string[] {
  assertBatchId(batchId);
  return [assertTenantId(tenant), stream, dayOfBatch(batchId), `${batchId}${ENDING}`];
}

/**
 * The id of the batch whose file has this name in the place of a day. Undefined for any other file: one that is not where
 * its name belongs would not be found again under it.
 */
export function batchIdOfFile(day: string, fileName: string): string | undefined {
  if (!fileName.endsWith(ENDING)) return undefined;
  const id = fileName.slice(0, -ENDING.length);
  return isBatchId(id) && dayOfBatch(id) === day ? id : undefined;
}

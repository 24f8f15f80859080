import { basename, isAbsolute } from 'node:path';
import { HeadgateError } from '../../errors.js';
import { STREAMS } from '../../events/event.js';
import { assertBatchId, assertTenantId } from '../../tenants/ids.js';
import { tableOf, isReservedColumn } from '../../events/columns.js';
import { isColumnName, PROMOTED_TYPES } from '../../events/promoted-field.js';
import type { LoadInput } from './warehouse.js';
import { isDayName } from '../../platform/time.js';

const LOAD_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/**
 * Checks everything in a load that becomes part of a path or of SQL.
 * @throws HeadgateError `TENANT_ID_INVALID`, `NOT_FOUND` (a batch id of the wrong form), `WAREHOUSE_FAILED`; none retryable
 */
export function assertLoadInput(input: LoadInput): void {
  assertTenantId(input.tenant);
  check(STREAMS.includes(input.stream), `there is no stream ${JSON.stringify(input.stream)}`);
  check(
    LOAD_ID.test(input.loadId),
    'a load id has letters, digits, ".", "_" or "-", and does not start with "."',
  );
  check(isDayName(input.day) && !Number.isNaN(Date.parse(input.day)), 'day must be YYYY-MM-DD');
  check(
    INSTANT.test(input.loadedAt) && !Number.isNaN(Date.parse(input.loadedAt)),
    'loadedAt must be ISO 8601, UTC',
  );
  for (const { column, path, type } of input.promoted ?? []) {
    const named = isColumnName(column) && !isReservedColumn(tableOf(input.stream), column);
    check(named && PROMOTED_TYPES.includes(type) && path.length > 0, 'a promoted field is not as it must be');
  }
  for (const { batchId, path } of input.batches) {
    assertBatchId(batchId);
    // `batch_id` is read back from the file's name.
    const named = isAbsolute(path) && basename(path).startsWith(`${batchId}.`) && !path.includes('\0');
    check(named, `the path of batch ${batchId} must be absolute and end in its id and an extension`);
  }
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new HeadgateError('WAREHOUSE_FAILED', `A load was asked for that cannot be: ${problem}.`);
}

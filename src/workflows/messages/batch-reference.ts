import { STREAMS, type BatchRef } from '../../events/event.js';
import { isBatchId } from '../../tenants/ids.js';

/** Characters of a hash, or of a store's id. */
const MAX_TEXT = 4_000;

/** True of a reference to a batch of the tenant, in every part: what came by a signal may be anything. */
export function isBatchOf(value: unknown, tenant: string): value is BatchRef {
  if (typeof value !== 'object' || value === null) return false;
  const batch = value as Partial<Record<keyof BatchRef, unknown>>;
  return (
    batch.tenant === tenant &&
    STREAMS.some((stream) => stream === batch.stream) &&
    isBatchId(batch.batchId) &&
    isCount(batch.events) &&
    isCount(batch.bytes) &&
    isText(batch.sha256) &&
    (batch.store === undefined || isText(batch.store)) &&
    (batch.receivedAt === undefined || isCount(batch.receivedAt)) &&
    (batch.trace === undefined || isText(batch.trace))
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}

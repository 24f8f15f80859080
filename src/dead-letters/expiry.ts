import { dayOfBatch } from '../tenants/ids.js';
import { DAY_MS } from '../platform/time.js';

/**
 * Until when a batch may be delivered, milliseconds since the epoch: its retention after the end of the day it was made
 * on, since files are deleted by the day. A batch's id tells no more than the day.
 */
export function expiryOf(batchId: string, retentionMs: number): number {
  return Date.parse(dayOfBatch(batchId)) + DAY_MS + retentionMs;
}

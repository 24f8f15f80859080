import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { InputStream } from '../events/event.js';
import { partitionKey } from './partition.js';
import { decodeHead, unlessDamaged } from './spool-record.js';

/** Acknowledged events of a tenant's stream that are in a spool, and in no batch that Temporal has. */
export interface UnsentEvents {
  readonly stream: InputStream;
  readonly events: number;
  /** RFC 3339. */
  readonly oldestReceipt: string;
}

/**
 * Counts, by tenant, what the spool in a directory holds that Temporal does not have yet; for other processes than the one
 * that owns it, which may be running. Nothing where there is no spool. Changes nothing.
 */
export async function readUnsent(directory: string): Promise<ReadonlyMap<string, readonly UnsentEvents[]>> {
  if (!existsSync(join(directory, 'data.mdb'))) return new Map();
  const root = open({ path: directory, readOnly: true, maxDbs: 8 });
  try {
    const handed = new Map<string, number>();
    const marks = root.openDB<number, [string, InputStream]>({ name: 'handed', encoding: 'msgpack' });
    for (const { key, value } of marks.getRange()) handed.set(partitionKey(...key), value);
    const found = new Map<string, Map<InputStream, UnsentEvents>>();
    const chunks = root.openDB<Buffer, number>({ name: 'chunks', encoding: 'binary' });
    for (const { key: seq, value } of chunks.getRange()) {
      const head = unlessDamaged(() => decodeHead(value));
      if (head === undefined || seq <= (handed.get(partitionKey(head.tenant, head.stream)) ?? 0)) continue;
      const own = found.get(head.tenant) ?? new Map<InputStream, UnsentEvents>();
      const { events = 0, oldestReceipt = new Date(head.receivedAt).toISOString() } =
        own.get(head.stream) ?? {};
      own.set(head.stream, { stream: head.stream, events: events + head.events, oldestReceipt });
      found.set(head.tenant, own);
    }
    return new Map([...found].map(([tenant, own]) => [tenant, [...own.values()]]));
  } finally {
    await root.close();
  }
}

import { writeFile } from 'node:fs/promises';
import { entriesFrom } from '../audit-log/read.js';
import type { AuditLogPlaces } from '../audit-log/files.js';
import { writeDurably } from '../platform/durable-file.js';
import { readTextIfThere } from '../platform/read-if-there.js';
import { keyOfEntry } from './foreign-acts.js';
import { dayOf } from '../platform/time.js';

/** How far terminations have been read, in milliseconds since the epoch; undefined where that was never written. */
export async function readProgress(file: string): Promise<number | undefined> {
  const time = Number((await readTextIfThere(file))?.trim() || Number.NaN);
  return Number.isSafeInteger(time) ? time : undefined;
}

/** Writes that, durably. */
export function writeProgress(file: string, until: number): Promise<void> {
  return writeDurably(file, (temporary) => writeFile(temporary, `${until}\n`, { mode: 0o600 }));
}

/** Keys of the acts that came into the log on the day of a moment and later. */
export async function keysInLog(places: AuditLogPlaces, since: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const entry of entriesFrom(places, dayOf(since), '"role":"temporal"')) {
    const key = keyOfEntry(entry);
    if (key !== undefined) keys.push(key);
  }
  return keys;
}

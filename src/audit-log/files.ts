import { join } from 'node:path';
import { isDayName } from '../platform/time.js';
import { namesIfThere } from '../platform/read-if-there.js';

/** Where the audit log and what belongs to it is. */
export interface AuditLogPlaces {
  /** A file a day: `2026-03-10.ndjson`. */
  readonly directory: string;
  /** The signed head: how far the log had come when it was signed last. Not beside the files it is about. */
  readonly head: string;
  /** Where the key that signs it is. */
  readonly keys: string;
}

/** The places of the audit log in a data directory. */
export function auditLogPlaces(dataDir: string): AuditLogPlaces {
  return {
    directory: join(dataDir, 'audit-log'),
    head: join(dataDir, 'audit-log-head.jws'),
    keys: join(dataDir, 'keys'),
  };
}

const ENDING = '.ndjson';

/** The days that have a file, the earliest first. */
export async function daysOf({ directory }: AuditLogPlaces): Promise<string[]> {
  return (await namesIfThere(directory))
    .filter((name) => name.endsWith(ENDING))
    .map((name) => name.slice(0, -ENDING.length))
    .filter(isDayName)
    .sort();
}

/** The file of a day. */
export function fileOf({ directory }: AuditLogPlaces, day: string): string {
  return join(directory, `${day}${ENDING}`);
}

import type { EventRow } from './event.js';

/** In UTF-16 code units, three bytes at most each: state stores have the subject in their keys, which are limited in bytes. */
export const MAX_SUBJECT = 512;

/** The extension attribute of user properties that names a subject to be merged into theirs. */
export const MERGE_SUBJECT = 'mergesubject';

/**
 * The subject that an event of user properties merges into its own; undefined for most. What an earlier version has taken
 * under that name, and is no subject, merges nothing.
 */
export function mergeSubjectOf({ subject, extensions }: EventRow): string | undefined {
  const named = extensions?.[MERGE_SUBJECT];
  if (typeof named !== 'string' || named === subject) return undefined;
  return named.length > 0 && named.length <= MAX_SUBJECT ? named : undefined;
}

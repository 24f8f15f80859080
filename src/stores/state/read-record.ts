import type { SubjectRecord } from './state-store.js';

/** By record, the length of the JSON that it was read from. */
const lengths = new WeakMap<SubjectRecord, number>();

/** A subject's record from the JSON that a checkpoint has written. */
export function readRecord(json: string): SubjectRecord {
  const record = JSON.parse(json) as SubjectRecord;
  lengths.set(record, json.length);
  return record;
}

/** Length of the JSON that a record was read from, in UTF-16 code units; 0 for a new one. */
export function lengthWhenRead(record: SubjectRecord): number {
  return lengths.get(record) ?? 0;
}

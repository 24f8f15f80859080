import type { Entry, Position } from '../audit-log/entry.js';
import { auditLogPlaces } from '../audit-log/files.js';
import { readEntries, type EntryFilter, type ReadPosition } from '../audit-log/read.js';
import { verifyAuditLog, type Verified } from '../audit-log/verify.js';
import { loadConfig } from '../config.js';
import { assertTenantId } from '../tenants/ids.js';
import { print } from './terminal-text.js';

/** Options of `headgate audit-log show`. */
export interface ShowOptions {
  readonly tenant?: string;
  /** Milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
  readonly subject?: string;
  readonly act?: string;
  readonly json: boolean;
}

/** Options of `headgate audit-log verify`. */
export interface VerifyLogOptions {
  readonly key?: string;
  readonly head: readonly Position[];
  readonly json: boolean;
}

/** Read at once: what is printed meanwhile takes no more memory than that. */
const PAGE = { maxEntries: 1_000, maxBytes: 64 * 1024 * 1024 };

/** Prints entries of the audit log. */
export async function showAuditLog({ json, tenant, ...rest }: ShowOptions): Promise<void> {
  const places = auditLogPlaces(loadConfig().dataDir);
  const filter: EntryFilter = { ...rest, ...(tenant !== undefined && { tenant: assertTenantId(tenant) }) };
  let after: ReadPosition | undefined;
  let shown = 0;
  do {
    const { entries, next } = await readEntries(places, filter, PAGE, after);
    if (entries.length > 0)
      print(entries.map((entry) => (json ? JSON.stringify(entry) : lineOf(entry))).join('\n'));
    shown += entries.length;
    after = next;
  } while (after !== undefined);
  if (shown === 0 && !json) print('The audit log has nothing like that.');
}

function lineOf(entry: Entry): string {
  const { at, tenant = '-', subject = '-', role, act, params = {}, made, outcome, code } = entry;
  const { address, reason, count, since } = entry;
  const told = [
    at,
    tenant,
    `${subject} (${role})`,
    act,
    ...Object.entries(params).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
    ...(made === undefined ? [] : [`made=${JSON.stringify(made)}`]),
    code === undefined ? outcome : `${outcome}: ${code}`,
    ...(count === undefined ? [] : [`${count} since ${since ?? '-'}`]),
    ...(address === undefined ? [] : [`from ${address}`]),
    ...(reason === undefined ? [] : [JSON.stringify(reason)]),
  ];
  return told.join('  ');
}

/** Verifies the audit log, and sets the exit code. */
export async function verifyLog({ key, head, json }: VerifyLogOptions): Promise<void> {
  const verified = await verifyAuditLog(auditLogPlaces(loadConfig().dataDir), { key, heads: head });
  print(json ? asJson(verified) : report(verified));
  if (verified.problems.length > 0) process.exitCode = 1;
}

function asJson({ problems, entries, first, last, head }: Verified): string {
  const place = (entry?: Entry) => entry && { seq: entry.seq, at: entry.at, hash: entry.hash };
  const found = {
    whole: problems.length === 0,
    problems,
    entries,
    first: place(first),
    last: place(last),
    head,
  };
  return JSON.stringify(found, undefined, 2);
}

function report({ problems, entries, first, last, head }: Verified): string {
  if (problems.length > 0) return [...problems, `The audit log is not as it was written.`].join('\n');
  if (first === undefined || last === undefined || head === undefined) return 'The audit log is empty.';
  return [
    `${entries} lines, ${first.seq} to ${last.seq}, of ${first.at} to ${last.at}: as they were written.`,
    `Signed at ${head.at} up to line ${head.seq}; ${last.seq - head.seq} have come since.`,
    `Its head is ${last.seq}:${last.hash}`,
  ].join('\n');
}
